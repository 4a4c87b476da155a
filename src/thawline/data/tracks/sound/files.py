"""The bytes of a sound file to samples; whatever is wrong with them becomes one phrase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import soundfile

from thawline.data.tracks.sound import aac, ogg
from thawline.data.tracks.sound.ffmpeg import FfmpegDecoder, version
from thawline.data.tracks.sound.headers import stated_seconds
from thawline.data.tracks.sound.kinds import DEMUXERS, LIBSNDFILE, kind_of
from thawline.data.tracks.sound.mp3 import Frames, find_frames
from thawline.data.tracks.sound.parts import PartsFile
from thawline.errors import UnusableError

MIN_RATE, MAX_RATE = 2_000, 768_000  # Hz
MAX_SECONDS = 3600
SLACK = 0.1  # seconds that a file may decode shorter than its header says: an MP3's last frames, a byte of padding

Samples = npt.NDArray[np.float32]

_BLOCK = 2**17  # samples of all channels that are decoded at a time
_SUPPORTED = "WAV, FLAC, OGG, MP3, AIFF and others are"
_UNKNOWN_FRAMES = 2**62  # likewise libsndfile
# The others' decoders give other bits after a jump: MP3 mostly, even a second before the window; OGG now and then.
_SEEKABLE = ("WAV", "FLAC", "AU", "AIFF", "W64")
_UNKNOWN_ENCODING = ("unsupported encoding", "unimplemented format")

# What libsndfile says of files that are no longer what their beginning says.
_MEANT = {
    "File does not exist or is not a regular file (possibly a pipe?)": "nothing in it can be decoded",
    "Supported file format but file is malformed": "a part is missing, or its header is wrong",
    "Unspecified internal error": "it cannot be decoded to its end",
}


class _Libsndfile(soundfile.SoundFile):  # type: ignore[misc]  # has no types
    """A SoundFile that only moves on by reading.

    The library seeks after every block to where it is already, and an MP3 decoder that is sent anywhere starts afresh.
    """

    def seekable(self) -> bool:
        return False

    def read(self, out: Samples) -> Samples:  # less than the library's
        block: Samples = super().read(out=out)
        return block


class _Chain:
    """Recordings of one file, decoded one behind another."""

    def __init__(self, links: Sequence[_Libsndfile]) -> None:
        self._links, self._current = links, 0
        self.samplerate, self.channels = links[0].samplerate, links[0].channels
        self.frames = sum(link.frames for link in links)
        if any((link.samplerate, link.channels) != (self.samplerate, self.channels) for link in links):
            raise UnusableError("several recordings of different rates or channels; save each as a file of its own")

    def read(self, out: Samples) -> Samples:
        """As of a `_Libsndfile`."""
        while self._current < len(self._links):
            if len(block := self._links[self._current].read(out)):
                return block
            self._current += 1
        return out[:0]

    def seek(self, frame: int) -> int:
        """As of a `_Libsndfile`."""
        begin = 0
        for number, link in enumerate(self._links):
            if frame < begin + link.frames:
                self._current = number
                return begin + int(link.seek(frame - begin))
            begin += link.frames
        self._current = len(self._links)
        return begin

    def close(self) -> None:
        """As of a `_Libsndfile`."""
        for link in self._links:
            link.close()


class Sound:
    """An open sound file, decoded from its bytes whatever its name.

    Attributes:
        kind: "WAV", "FLAC", "OGG", "MP3", "M4A", ...
        rate: Hz.
        channels: how many.
        frames: how many the decoder expects, each a sample of every channel; None if it cannot know.
        stated: seconds that the file says; None if it says nothing.
        decoder: what decodes it, with its version, where that is not libsndfile; otherwise "".
    """

    def __init__(self, file: BinaryIO) -> None:
        """Open `file`, which must be at its beginning and unbuffered, and which the caller closes.

        Raises:
            UnusableError: not such a file, a broken header, or an impossible rate.
        """
        self._descriptor = descriptor = file.fileno()
        self._mp3: Frames | None = None
        self._parts: list[PartsFile] = []
        self._at = 0
        self.decoder = ""
        kind = kind_of(descriptor)
        if kind in (None, "MP3"):  # or zeros, or junk, before the first frame
            self._mp3 = find_frames(descriptor, MAX_SECONDS)
            kind = "MP3" if self._mp3 else kind
        if kind is None:
            raise UnusableError(f"not audio ({_SUPPORTED})" if file.read(1) else "empty file")
        self.kind = kind
        self._decoder = self._open(file)
        self.rate, self.channels = self._decoder.samplerate, self._decoder.channels
        try:
            self._measure()
            if not MIN_RATE <= self.rate <= MAX_RATE:
                raise UnusableError(f"a rate of {self.rate} Hz ({MIN_RATE} to {MAX_RATE} are supported)")
        except UnusableError:
            self._decoder.close()
            raise

    def _open(self, file: BinaryIO) -> _Libsndfile | _Chain | FfmpegDecoder:
        if self.kind not in LIBSNDFILE:
            return self._ffmpeg(file)
        file.seek(0)
        try:
            if self.kind == "MP3":
                if self._mp3 is None:
                    raise UnusableError("broken MP3: nothing in it can be decoded")
                self._parts = [PartsFile(file.fileno(), self._mp3.runs, self._mp3.front)]
                return _Libsndfile(self._parts[0])
            links = ogg.links(file.fileno()) if self.kind == "OGG" else []
            if len(links) < 2:
                return _Libsndfile(file.fileno(), closefd=False)
            self._parts = [PartsFile(file.fileno(), [link]) for link in links]
            return _Chain([_Libsndfile(part) for part in self._parts])
        except (MemoryError, UnusableError):
            raise
        except Exception as error:
            reason = _broken(self.kind, error)
            if self.kind in DEMUXERS and any(said in str(reason) for said in _UNKNOWN_ENCODING):
                return self._ffmpeg(file)
            raise reason from error

    def _ffmpeg(self, file: BinaryIO) -> FfmpegDecoder:
        if self.kind not in DEMUXERS:
            raise UnusableError(f"{self.kind} is not supported ({_SUPPORTED})")
        decoder = FfmpegDecoder(file.name, self.kind)
        self.decoder = version() or ""
        return decoder

    def _measure(self) -> None:
        if isinstance(self._decoder, FfmpegDecoder):
            self.stated = self._decoder.seconds
            self.frames = round(self.stated * self.rate) if self.stated else None
            return
        frames = self._decoder.frames
        self.frames = frames if 0 < frames < _UNKNOWN_FRAMES else None
        if self._mp3 and self._mp3.stated is not None:
            self.stated = self._mp3.stated / self.rate
        else:
            self.stated = stated_seconds(self._descriptor, self.kind, self.frames / self.rate if self.frames else None)

    @property
    def seekable(self) -> bool:
        """Whether what is decoded from anywhere is, to the bit, what is decoded from the beginning."""
        return self.kind in _SEEKABLE and not self.decoder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._decoder.close()

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Samples]:
        """Decode from frame `start` to `stop`, or to the end.

        Yields:
            float32 [frames, channels], the same memory every time.

        Raises:
            UnusableError: the samples cannot be decoded.
            OSError: the file cannot be read.
        """
        if stop is None and self.kind == "FLAC":
            stop = self.frames  # the decoder takes a tag or zeros behind the last frame for a broken one
        buffer = np.empty((max(1, _BLOCK // self.channels), self.channels), np.float32)
        try:
            if start != self._at:
                self._at = self._decoder.seek(start)
            while len(block := self._decoder.read(buffer if stop is None else buffer[: stop - self._at])):
                self._at += len(block)
                yield block
        except (MemoryError, UnusableError):  # the former says something of the machine, not of the file
            raise
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise _broken(self.kind, error) from error
        for part in self._parts:
            if part.error:
                raise part.error

    def reaches(self, frame: int) -> bool:
        """Whether there is sound at a frame. The decoder is of no further use."""
        try:
            self._decoder.seek(frame)
            return len(self._decoder.read(np.empty((1, self.channels), np.float32))) > 0
        except (soundfile.SoundFileError, UnusableError, OSError, ValueError):
            return False

    def check_parts(self) -> None:
        """Raise UnusableError where a part of the file is missing or damaged, as far as that shows without decoding."""
        if self._mp3:
            damage = self._mp3.damage
        elif self.kind == "OGG" or DEMUXERS.get(self.kind) == "ogg":
            damage = ogg.damage(self._descriptor)
        else:
            damage = aac.damage(self._descriptor) if self.kind == "AAC" else None
        if damage is not None:
            raise UnusableError(f"broken {self.kind}: {damage}")

    def check_seconds(self, seconds: float) -> None:
        """Raise UnusableError where the file says that it is longer than the `seconds` that could be decoded."""
        if self.stated is not None and self.stated - seconds > SLACK:
            raise UnusableError(
                f"broken {self.kind}: {shown(seconds)} can be decoded of the {shown(self.stated)} that it should have"
            )


def shown(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds:.1f} s" if seconds >= 1 or seconds == 0 else f"{seconds:.2g} s"


def mono(block: Samples) -> Samples:
    """The mean of the channels, float32 [frames], the same bits however a file is cut into blocks."""
    if block.shape[1] == 1:
        return block[:, 0]
    total = block[:, 0] + block[:, 1]
    for channel in range(2, block.shape[1]):
        total += block[:, channel]
    total *= np.float32(1 / block.shape[1])
    return total


def _broken(kind: str, error: Exception) -> UnusableError:
    said = (getattr(error, "error_string", "") or str(error)).strip().splitlines()
    reason = said[0].removeprefix("Error : ").rstrip(".") if said else type(error).__name__
    return UnusableError(f"broken {kind}: {_MEANT.get(reason, reason)}")
