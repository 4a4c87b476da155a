"""What recordings of the same sound have in common, however they were encoded: marks of their spectral peaks.

After A. Wang, An Industrial-Strength Audio Search Algorithm, ISMIR 2003 (section 2): pairs of peaks of the spectrogram,
each pair a number made of both frequencies and the time between them. Of all of a track's numbers those that are least
after a mixing are kept (A. Broder, On the resemblance and containment of documents, 1997), so that two versions of a
recording keep the same ones and the share of common numbers says how much of the sound they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from thawline.data.tracks.sound.files import Samples

FINGERPRINT_VERSION = 1
RATE = 8000  # Hz; low bit rates keep what is below 4 kHz
LISTENED = 120  # seconds from the beginning of the sound that the fingerprint is taken from
MARKS = 192  # kept of each track, at most
FEW_MARKS = 16  # a track with fewer has no fingerprint: it is told by its bytes alone
# Share of common marks, and their number, from which two recordings are near-duplicates. Chosen on 150 recordings of
# single instruments (closest two that are not one recording: 0.16) and 24 synthesised pieces. On 40 other pieces the
# closest strangers share 0.16, and copies (MP3 of 40 kbit/s and more, OGG, trimmed by up to a second, both) 0.31 and
# more. A single note whose beginning is cut off has little left to be known by: 5 of 20 were missed.
NEAR = 0.2
NEAR_MARKS = 12

_FFT, _HOP = 1024, 256  # 128 ms every 32 ms, 7.8 Hz apart
_LOW, _HIGH = 10, 480  # bins, 80 to 3,750 Hz
_NEIGHBOURHOOD = (15, 41)  # frames and bins in which a peak is the highest
_RANGE = 10**-1.75  # peaks more than 35 dB below the highest are as good as noise
_FAN = 5  # later peaks that each is paired with
_LONGEST = 63  # frames between the peaks of a pair
_FRAMES = 256  # of the spectrogram, made at a time
_BLOCK = 512  # tracks compared with all others at a time


@dataclass(frozen=True, eq=False)
class Peaks:
    """Local maxima of a spectrogram.

    Attributes:
        times: Frame of each, [n].
        bins: Its frequency in whole bins, [n].
        fine: The same between bins, [n].
    """

    times: npt.NDArray[np.int64]
    bins: npt.NDArray[np.int64]
    fine: npt.NDArray[np.float64]


class Listener:
    """Finds the peaks of a track that comes in blocks."""

    def __init__(self, rate: int) -> None:
        """For blocks at `rate` Hz."""
        import soxr

        self._resample = soxr.ResampleStream(rate, RATE, 1, "float32", "LQ") if rate != RATE else None
        self._room = LISTENED * rate
        self._parts: list[Samples] = []

    def add(self, block: Samples) -> None:
        """Hear the next block, float32 [frames]."""
        if self._room <= 0:
            return
        block = block[: self._room]
        self._room -= len(block)
        self._parts.append(
            self._resample.resample_chunk(np.ascontiguousarray(block)) if self._resample else block.copy()
        )

    def peaks(self) -> Peaks:
        """Those of all that was heard, when it is over."""
        if self._resample:
            self._parts.append(self._resample.resample_chunk(np.empty(0, np.float32), last=True))
        return find_peaks(np.concatenate(self._parts) if self._parts else np.empty(0, np.float32))


def fingerprint_of(peaks: Peaks) -> str | None:
    """The marks of a track, hex; None if they are too few."""
    marks = find_marks(peaks)
    return marks.astype(">u4").tobytes().hex() if len(marks) >= FEW_MARKS else None


def find_marks(peaks: Peaks) -> npt.NDArray[np.uint32]:
    """The least of the mixed numbers of a track's pairs of peaks, rising."""
    times, bins = peaks.times, peaks.bins
    pairs = []
    for ahead in range(1, _FAN + 1):
        gap = times[ahead:] - times[:-ahead]
        near = gap <= _LONGEST
        pairs.append(((bins[:-ahead] << 15) | (bins[ahead:] << 6) | (gap >> 1))[near])
    # Multiplying by an odd number permutes the numbers of 32 bits (Knuth's multiplicative hashing).
    mixed = np.unique((np.concatenate(pairs).astype(np.uint64) * 2654435761 & 0xFFFFFFFF).astype(np.uint32))
    return mixed[:MARKS]


def find_peaks(samples: Samples) -> Peaks:
    """The local maxima of the spectrogram, in the order of time and then of frequency.

    Args:
        samples: float32 [n] at `RATE`.
    """
    from scipy.fft import rfft
    from scipy.signal.windows import hann

    padded = np.pad(samples, _FFT // 2)
    window = hann(_FFT, sym=False).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    magnitude = np.empty((len(frames), _HIGH - _LOW), np.float32)
    for start in range(0, len(frames), _FRAMES):
        some = slice(start, start + _FRAMES)
        np.abs(rfft(frames[some] * window, axis=1)[:, _LOW:_HIGH], out=magnitude[some])
    highest = magnitude.max(initial=0.0)
    if highest == 0:
        return Peaks(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
    peaks = (magnitude == _highest_near(magnitude)) & (magnitude > highest * _RANGE)
    times, bins = np.nonzero(peaks)
    return Peaks(times, bins + _LOW, bins + _LOW + _beside(magnitude, times, bins))


def _beside(magnitude: Samples, times: npt.NDArray[np.int64], bins: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How far beside its bin each peak is, -0.5 to 0.5, by the parabola through it and its two neighbours."""
    below, at, above = (
        np.log(magnitude[times, np.clip(bins + step, 0, magnitude.shape[1] - 1)].astype(np.float64) + 1e-9)
        for step in (-1, 0, 1)
    )
    beside: npt.NDArray[np.float64] = 0.5 * (below - above) / np.minimum(below - 2 * at + above, -1e-6)
    return np.clip(beside, -0.5, 0.5)


def _highest_near(magnitude: Samples) -> Samples:
    """The highest value in each one's neighbourhood, by maxima of maxima: five times as fast as a filter's."""
    for axis, size in enumerate(_NEIGHBOURHOOD):
        beyond = [(0, 0), (0, 0)]
        beyond[axis] = (size // 2, size // 2)
        magnitude = np.moveaxis(np.pad(magnitude, beyond), axis, 0)  # no magnitude is below 0
        width = 1
        while width < size:
            step = min(width, size - width)
            magnitude, width = np.maximum(magnitude[:-step], magnitude[step:]), width + step
        magnitude = np.moveaxis(magnitude, 0, axis)
    return magnitude


def near_pairs(fingerprints: Sequence[str]) -> list[tuple[int, int]]:
    """Which recordings share much of their sound: (i, j) with i < j, sorted.

    Two share a mark by chance seldom, so a sparse product counts the common ones of all pairs at once. Marks that very
    many tracks have say nothing of any and are left out, which bounds the work.
    """
    from scipy.sparse import csr_array

    marks = [np.frombuffer(bytes.fromhex(text), ">u4").astype(np.uint32) for text in fingerprints]
    if len(marks) < 2:
        return []
    sizes = np.array([len(some) for some in marks])
    _, column, often = np.unique(np.concatenate(marks), return_inverse=True, return_counts=True)
    told = often <= max(200, len(marks) // 50)
    row = np.repeat(np.arange(len(marks)), sizes)
    kept = told[column]
    table = csr_array((np.ones(int(kept.sum()), np.int32), (row[kept], column[kept])), shape=(len(marks), len(often)))
    turned = table.T.tocsr()
    found: list[tuple[int, int]] = []
    for start in range(0, len(marks), _BLOCK):
        common = (table[start : start + _BLOCK] @ turned).tocoo()
        first, second = common.row + start, common.col
        near = (first < second) & (
            common.data >= np.maximum(NEAR_MARKS, NEAR * np.minimum(sizes[first], sizes[second]))
        )
        found += zip(first[near].tolist(), second[near].tolist(), strict=True)
    return sorted(found)
