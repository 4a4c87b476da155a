"""One track: the facts that follow from its bytes, and its windows."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile
import soxr

from thawline.data.tracks.fingerprints import FINGERPRINT_VERSION, Listener, fingerprint_of
from thawline.data.tracks.pitches import find_pitches
from thawline.data.tracks.sound.files import MAX_SECONDS, Samples, Sound, mono, shown
from thawline.data.tracks.sound.memory import InMemory, MemorySound
from thawline.data.tracks.windows import Windowing
from thawline.errors import UnusableError
from thawline.files import JSON, digest_of

if TYPE_CHECKING:
    import torch

# What facts depend on besides the bytes: facts remembered under another version must be made again.
TRACK_FACTS_VERSION = (
    f"3, fingerprint {FINGERPRINT_VERSION}, soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}, "
    f"soxr {soxr.__version__}"
)

MAX_BYTES = 4 * 2**30
MIN_SECONDS = 0.1
MAX_LEVEL = 8.0  # full scale is 1; loud MP3s decode to 2 at most, and a broken one or samples in 16-bit units to more
SILENT = 1e-3  # half the distance of the highest sample from the lowest: -60 dBFS

# Input around a window that its resampling takes into account: this many samples of the lower rate. With 512 a window
# is within 2e-5 of the same part of the whole track, resampled at once, which is what soxr itself is exact to.
_MARGIN = 512


@dataclass(frozen=True)
class TrackFacts:
    """What follows from a file's bytes alone, whatever its name and the windowing.

    Attributes:
        digest: sha256 of the bytes, hex; "" if the machine was at fault, or if the file's size or header rule it out:
            then nothing was hashed, and nothing here may be remembered. Likewise of samples in memory.
        seconds: duration of what can be decoded, 0 if unusable.
        rate: Hz, 0 if unusable.
        channels: like `rate`.
        fingerprint: marks of its spectral peaks, hex, see `fingerprints`; None if unusable or too few.
        problem: why the file cannot be used, one phrase; None if it can.
        decoder: what decoded it, with its version, where that was not libsndfile; otherwise "".
        pitches: marks that a copy in another pitch has too, hex, see `pitches`; None like `fingerprint`.
    """

    digest: str
    seconds: float = 0.0
    rate: int = 0
    channels: int = 0
    fingerprint: str | None = None
    problem: str | None = None
    decoder: str = ""
    pitches: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """As a plain dict."""
        return dict(vars(self))

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> TrackFacts:
        """The inverse of `to_json`."""
        return TrackFacts(**value)


@dataclass(frozen=True, eq=False)
class Window:
    """Part of a track.

    Attributes:
        start: where it begins, seconds.
        samples: float32 [n], mono, at the windowing's rate.
    """

    start: float
    samples: torch.Tensor


def read_track(track: Path | InMemory, windowing: Windowing | None) -> tuple[TrackFacts, list[Window]]:
    """Read a file, or samples in memory, once: the facts, and the windows if `windowing` is given.

    Bad content never raises: `problem` says what is wrong, and there are no windows. Of a long file no more is in
    memory than its windows and what is needed around one of them. Safe to call from threads.

    Raises:
        UserError: samples in memory are of a type or shape that is no sound.
    """
    digest = ""
    try:
        with _opened(track) as sound:  # before hashing, which takes a file of 4 GiB many seconds
            digest = digest_of(track) if isinstance(track, Path) else ""
            facts, windows = _read(sound, digest, windowing)
        if windowing is not None and windows is None:
            windows = read_windows(track, windowing, windowing.starts(facts.seconds))
        return facts, windows or []
    except (OSError, ValueError) as error:  # the latter of a NUL byte in the name
        return TrackFacts("", problem=_unreadable(error)), []
    except UnusableError as error:
        return TrackFacts(digest, problem=str(error)), []
    except MemoryError:
        return TrackFacts("", problem="not enough memory to decode it"), []


def refused_track(path: Path) -> TrackFacts | None:
    """What is wrong with a file whose size or header rule it out, without hashing it; None of any other."""
    try:
        with _opened(path):
            return None
    except UnusableError as error:
        return TrackFacts("", problem=str(error))
    except (OSError, ValueError, MemoryError):  # whoever reads it says so
        return None


def read_windows(track: Path | InMemory, windowing: Windowing, starts: Sequence[float]) -> list[Window]:
    """Some windows of a track whose facts are known: the same samples as `read_track` gives.

    Uncompressed files and FLAC are read only where a window is, others up to the last window's end, since their
    decoders give other bits after a jump. Safe to call from threads.

    Args:
        track: the file, or the samples in memory.
        windowing: how it is cut.
        starts: some of `windowing.starts(facts.seconds)`.

    Raises:
        UnusableError: the file cannot be read or used.
    """
    if isinstance(track, tuple):
        return _windows(MemorySound(track), windowing, starts)
    try:
        with _file(track) as file, Sound(file) as sound:
            return _windows(sound, windowing, starts)
    except (OSError, ValueError) as error:
        raise UnusableError(_unreadable(error)) from error
    except MemoryError as error:
        raise UnusableError("not enough memory to decode it") from error


def _unreadable(error: Exception) -> str:
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _file(path: Path) -> BinaryIO:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise UnusableError("not a regular file")  # reading a pipe would wait for ever
    if status.st_size > MAX_BYTES:
        raise UnusableError(f"too large: more than {MAX_BYTES >> 30} GiB")
    return path.open("rb", buffering=0)


@contextmanager
def _opened(track: Path | InMemory) -> Iterator[Sound | MemorySound]:
    """A track, unless its size or its header rule it out.

    Raises:
        UnusableError: no such file, too large, or too long by its header, unless the file ends before, which
            `Sound.check_seconds` names.
        OSError, ValueError: it cannot be opened.
    """
    if isinstance(track, tuple):
        samples = MemorySound(track)
        if samples.stated > MAX_SECONDS:
            raise UnusableError(_too_long(samples.stated))
        yield samples
        return
    with _file(track) as file:
        with Sound(file) as sound:
            if sound.stated is None or sound.stated <= MAX_SECONDS:
                yield sound
                return
            if sound.reaches(MAX_SECONDS * sound.rate):
                raise UnusableError(_too_long(sound.stated))
        file.seek(0)
        with Sound(file) as sound:
            yield sound


def _read(
    sound: Sound | MemorySound, digest: str, windowing: Windowing | None
) -> tuple[TrackFacts, list[Window] | None]:
    """The facts, and the windows if the header said truly where they are."""
    sound.check_parts()
    planned = windowing.starts((sound.frames or 0) / sound.rate) if windowing else ()
    cutter = _Cutter(sound.rate, windowing, planned)
    listener = Listener(sound.rate)
    levels = _Levels()
    frames = 0
    for block in sound.blocks():
        single = mono(block)
        levels.add(block, single)
        listener.add(single)
        cutter.add(single)
        frames += len(block)
        if frames > MAX_SECONDS * sound.rate:
            raise UnusableError(_too_long())
    seconds = frames / sound.rate
    sound.check_seconds(seconds)
    if seconds < MIN_SECONDS:
        raise UnusableError(f"too short: {shown(seconds)}, less than {MIN_SECONDS} s")
    levels.check()
    peaks = listener.peaks()
    facts = TrackFacts(
        digest,
        seconds,
        sound.rate,
        sound.channels,
        fingerprint_of(peaks),
        pitches=find_pitches(peaks.times, peaks.fine),
        decoder=sound.decoder,
    )
    return facts, cutter.finish() if windowing and windowing.starts(seconds) == planned else None


def _too_long(seconds: float | None = None) -> str:
    stated = "" if seconds is None else f"{shown(seconds)}, "
    return f"too long: {stated}more than {MAX_SECONDS // 60} minutes"


class _Levels:
    """The highest and lowest samples so far."""

    def __init__(self) -> None:
        self._all = (math.inf, -math.inf)
        self._mono = (math.inf, -math.inf)

    def add(self, block: Samples, single: Samples) -> None:
        """Take a block and its mean over channels into account; raises UnusableError on impossible samples."""
        self._all = _widened(self._all, block)
        self._mono = _widened(self._mono, single) if block.shape[1] > 1 else self._all
        low, high = self._all
        if not math.isfinite(low + high):
            raise UnusableError("samples that are not finite (NaN or infinity)")
        if max(-low, high) > MAX_LEVEL:
            raise UnusableError(f"out of range: samples up to {max(-low, high):.3g}, where full scale is 1")

    def check(self) -> None:
        """Raise UnusableError if nothing can be heard."""
        if self._all[1] - self._all[0] < 2 * SILENT:
            raise UnusableError("silent: nothing above -60 dB")
        if self._mono[1] - self._mono[0] < 2 * SILENT:
            raise UnusableError("silent in mono: its channels cancel each other")


def _widened(bounds: tuple[float, float], samples: Samples) -> tuple[float, float]:
    # NaN goes through numpy's minimum, and through Python's only if it comes first.
    return min(float(samples.min()), bounds[0]), max(float(samples.max()), bounds[1])


@dataclass(eq=False)
class _Excerpt:
    """A window in the making: its part of the track with a margin on both sides, zeros beyond the track's ends."""

    start: float
    begin: int  # frame of the first sample, the margin's; may be negative
    samples: Samples
    last: int = 0  # of the track's frames, the one after the last that came in


class _Cutter:
    """Keeps of a track that comes in blocks what its windows need, and resamples each window on its own.

    A window's samples depend on the track around it alone, not on which other windows are read.
    """

    def __init__(self, rate: int, windowing: Windowing | None, starts: Sequence[float]) -> None:
        self._rate, self._windowing = rate, windowing
        self._at = 0
        self._waiting = sorted(starts, reverse=True)
        self._open: list[_Excerpt] = []
        self._done: list[Window] = []
        if windowing is not None:
            unit = rate // math.gcd(rate, windowing.rate)  # frames that are a whole number of samples afterwards
            least = _MARGIN * rate / min(rate, windowing.rate)
            self.margin = 0 if rate == windowing.rate else math.ceil(least / unit) * unit
            self.length = round(windowing.seconds * rate)

    def first(self, start: float) -> int:
        """The first frame that the window at `start` needs."""
        return max(0, round(start * self._rate) - self.margin)

    def end(self, start: float) -> int:
        """The frame after the last that the window at `start` needs."""
        return round(start * self._rate) + self.length + self.margin

    def jump(self, frame: int) -> None:
        """What comes next begins at `frame`."""
        self._at = frame

    def add(self, block: Samples) -> None:
        """Take the next block, float32 [frames]."""
        end = self._at + len(block)
        while self._waiting and self.first(self._waiting[-1]) < end:
            start = self._waiting.pop()
            begin = round(start * self._rate) - self.margin
            self._open.append(_Excerpt(start, begin, np.zeros(self.length + 2 * self.margin, np.float32)))
        for excerpt in self._open:
            low, high = max(excerpt.begin, self._at), min(excerpt.begin + len(excerpt.samples), end)
            if low < high:
                excerpt.samples[low - excerpt.begin : high - excerpt.begin] = block[low - self._at : high - self._at]
                excerpt.last = high
        complete = [excerpt for excerpt in self._open if excerpt.last == excerpt.begin + len(excerpt.samples)]
        if complete:
            self._open = [excerpt for excerpt in self._open if excerpt not in complete]
            self._done += [self._window(excerpt) for excerpt in complete]
        self._at = end

    def finish(self) -> list[Window]:
        """The windows in the order of their starts, now that the track is at its end."""
        self._done += [self._window(excerpt) for excerpt in self._open]
        self._open = []
        return sorted(self._done, key=lambda window: window.start)

    def _window(self, excerpt: _Excerpt) -> Window:
        import torch

        windowing = self._windowing
        assert windowing is not None  # noqa: S101
        there = excerpt.last - excerpt.begin - self.margin
        samples, lead = excerpt.samples, self.margin * windowing.rate // self._rate
        if self._rate != windowing.rate:
            samples = soxr.resample(samples, self._rate, windowing.rate, "HQ")
        if there >= self.length - 2:  # a start and a length that were rounded up may reach beyond the end
            return Window(excerpt.start, torch.from_numpy(samples[lead : lead + windowing.samples]))
        samples = samples[lead : lead + max(1, round(there / self._rate * windowing.rate))]
        if not windowing.whole:
            samples = np.resize(samples, windowing.samples)  # repeated
        return Window(excerpt.start, torch.from_numpy(np.ascontiguousarray(samples)))


def _windows(sound: Sound | MemorySound, windowing: Windowing, starts: Sequence[float]) -> list[Window]:
    """Read what the windows at `starts` need."""
    if sound.seekable:
        return [window for start in sorted(starts) for window in _cut(sound, windowing, [start])]
    return _cut(sound, windowing, starts)


def _cut(sound: Sound | MemorySound, windowing: Windowing, starts: Sequence[float]) -> list[Window]:
    cutter = _Cutter(sound.rate, windowing, starts)
    first, last = min(starts, default=0.0), max(starts, default=0.0)
    begin = cutter.first(first) if sound.seekable else 0
    if sound.frames is None or begin < sound.frames:
        cutter.jump(begin)
        for block in sound.blocks(begin, cutter.end(last)):
            cutter.add(mono(block))
    windows = cutter.finish()
    if len(windows) < len(starts):
        raise UnusableError(f"no sound at {last} s, where there was some before")
    return windows
