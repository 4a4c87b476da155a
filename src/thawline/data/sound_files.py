"""The bytes of a WAV, FLAC, OGG, MP3 or AU file to samples; whatever is wrong with them becomes one phrase."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import soundfile

from thawline.data.decoding import UnusableError
from thawline.data.sound_headers import stated_seconds

MIN_RATE, MAX_RATE = 2_000, 768_000  # Hz
SLACK = 0.1  # seconds that a file may decode shorter than its header says: an MP3's last frames, a byte of padding

Samples = npt.NDArray[np.float32]

_BLOCK = 2**17  # samples of all channels that are decoded at a time
_SUPPORTED = "WAV, FLAC, OGG, MP3 and AU are"
_STARTS = {
    b"fLaC": "FLAC",
    b"OggS": "OGG",
    b"ID3": "MP3",
    b".snd": "AU",
    b"RF64": "WAV",
    b"RIFX": "WAV",
    b"FORM": "AIFF",
    b"caff": "CAF",
    b"\x1aE\xdf\xa3": "Matroska",
    b"0&\xb2u": "WMA",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"MThd": "MIDI",
}
_READ = ("WAV", "FLAC", "OGG", "MP3", "AU")
_UNKNOWN_FRAMES = 2**62  # likewise libsndfile


# What libsndfile says of files that are no longer what their beginning says.
_MEANT = {
    "File does not exist or is not a regular file (possibly a pipe?)": "nothing in it can be decoded",
    "Unspecified internal error": "it cannot be decoded to its end",
}


class _Decoder(soundfile.SoundFile):  # type: ignore[misc]  # has no types
    """A SoundFile that only moves on by reading.

    The library seeks after every block to where it is already, and an MP3 decoder that is sent anywhere starts afresh.
    """

    def seekable(self) -> bool:
        return False


class Sound:
    """An open sound file, decoded from its bytes whatever its name.

    Attributes:
        kind: "WAV", "FLAC", "OGG", "MP3" or "AU".
        rate: Hz.
        channels: how many.
        frames: how many the decoder expects, each a sample of every channel; None if it cannot know.
        stated: seconds that the file says; None if it says nothing.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Open `file`, which must be at its beginning and unbuffered, and which the caller closes.

        Raises:
            UnusableError: not such a file, a broken header, or an impossible rate.
        """
        head = file.read(12)
        if not head:
            raise UnusableError("empty file")
        kind = sniff(head)
        if kind not in _READ:
            raise UnusableError(f"{f'{kind} is not supported' if kind else 'not audio'} ({_SUPPORTED})")
        file.seek(0)
        try:
            self._decoder = _Decoder(file.fileno(), closefd=False)
        except MemoryError:
            raise
        except Exception as error:
            raise _broken(kind, error) from error
        self.kind, self.rate, self.channels = kind, self._decoder.samplerate, self._decoder.channels
        self._at = 0
        frames = self._decoder.frames
        self.frames = frames if 0 < frames < _UNKNOWN_FRAMES else None
        self.stated = stated_seconds(file.fileno(), kind, self.frames / self.rate if self.frames else None)
        if not MIN_RATE <= self.rate <= MAX_RATE:
            self._decoder.close()
            raise UnusableError(f"a rate of {self.rate} Hz ({MIN_RATE} to {MAX_RATE} are supported)")

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
        """
        if stop is None and self.kind == "FLAC":
            stop = self.frames  # the decoder takes a tag or zeros behind the last frame for a broken one
        buffer = np.empty((max(1, _BLOCK // self.channels), self.channels), np.float32)
        try:
            if start != self._at:
                self._at = self._decoder.seek(start)
            while len(block := self._decoder.read(out=buffer if stop is None else buffer[: stop - self._at])):
                self._at += len(block)
                yield block
        except MemoryError:  # says something of the machine, not of the file
            raise
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise _broken(self.kind, error) from error

    def reaches(self, frame: int) -> bool:
        """Whether there is sound at a frame. The decoder is of no further use."""
        try:
            self._decoder.seek(frame)
            return len(self._decoder.read(out=np.empty((1, self.channels), np.float32))) > 0
        except (soundfile.SoundFileError, OSError, ValueError):
            return False


def sniff(head: bytes) -> str | None:
    """What the first 12 bytes say that a file is ("WAV", "MP3", "AIFF", ...), or None."""
    if head[:4] == b"RIFF":
        return "WAV" if head[8:12] == b"WAVE" else None
    if head[4:8] == b"ftyp":
        return "MP4"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        if head[1] & 0x06 == 0:  # no layer: AAC
            return "AAC" if head[1] & 0xF6 == 0xF0 else None
        # A version, a bit rate and a rate that exist; "FF FE" begins text in UTF-16.
        return "MP3" if head[1] & 0x18 != 0x08 and head[2] >> 4 != 15 and head[2] & 0x0C != 0x0C else None
    return next((name for start, name in _STARTS.items() if head.startswith(start)), None)


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
