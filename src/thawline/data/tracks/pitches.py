"""What a recording has in common with a copy of it that is a little higher or lower, faster or slower.

Pairs of spectral peaks again, as in `fingerprints`, but told by the interval between their tones and the time between
them, which a shift in pitch leaves as they are (after J. Six and M. Leman, Panako, ISMIR 2014). Which pairs are kept
depends on these two alone, so a shifted copy keeps the same ones, each a step higher or lower. Common ones count only
where they lie at one distance in time, as strangers' don't.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from thawline.data.groups import Pairs

STEPS = 24  # in an octave: one is 3 %
MARKS = 192  # kept of each track, at most
FEW_MARKS = 16  # a track with fewer is told by other means
# Share of marks that two have in common a step apart and at one time, and their number, from which one is a shifted
# copy of the other. Of 150 recordings of single instruments and 240 synthesised pieces the closest strangers that have
# so many share 0.07. Of 38 of them, 30 s each, 149 of 152 copies 3 % higher or lower or faster or slower have more.
NEAR = 0.085
NEAR_MARKS = 12
# Where one of the two has fewer marks than this, or has them within 3 s, that little is alike by chance: of 240 pieces
# cut to 1, 2 and 3 s no two strangers share so much that are 12, 7 and 1 pairs of them at `NEAR`.
ENOUGH_MARKS, ENOUGH_FRAMES = 128, 94
NEAR_FEW = 0.25

_FAN = 5  # later peaks that each is paired with
_LONGEST = 63  # frames between the peaks of a pair
_TOGETHER = 4  # frames within which distances in time are one
_BLOCK = 512  # tracks compared with all others at a time
_MARK = np.dtype([("value", ">u4"), ("time", ">u2")])

_Ints = npt.NDArray[np.int64]


def find_pitches(times: _Ints, bins: npt.NDArray[np.float64]) -> str | None:
    """The marks of a track, hex; None if they are too few.

    Args:
        times: Frame of each peak of the spectrogram, in order.
        bins: Its frequency in bins, between them by the neighbours.
    """
    steps = STEPS * np.log2(bins)
    intervals, tones, begins = [], [], []
    for ahead in range(1, _FAN + 1):
        gap = times[ahead:] - times[:-ahead]
        near = gap <= _LONGEST
        interval = np.round(steps[ahead:] - steps[:-ahead]).astype(np.int64) + 1024
        intervals.append(((interval << 6) | (gap >> 2))[near])
        tones.append(np.round(steps[:-ahead]).astype(np.int64)[near])
        begins.append(times[:-ahead][near])
    interval, tone, begin = (np.concatenate(parts) for parts in (intervals, tones, begins))
    order = np.argsort(begin, kind="stable")  # of equal marks the earliest is kept
    value, first = np.unique((interval * 512 + tone)[order], return_index=True)
    # By the interval alone, mixed as the other marks are: the tone differs between a track and its shifted copy.
    mixed = (value // 512).astype(np.uint64) * 2654435761 & 0xFFFFFFFF
    kept = np.argsort(mixed, kind="stable")[:MARKS]
    if len(kept) < FEW_MARKS:
        return None
    marks = np.empty(len(kept), _MARK)
    marks["value"], marks["time"] = value[kept], begin[order][first[kept]]
    return marks.tobytes().hex()


def shifted_pairs(pitches: Sequence[str]) -> Pairs:
    """Which recordings are others a step higher or lower: (i, j) with i < j, sorted."""
    from scipy.sparse import csr_array

    marks = [np.frombuffer(bytes.fromhex(text), _MARK) for text in pitches]
    if len(marks) < 2:
        return []
    values = [some["value"].astype(np.int64) for some in marks]
    sizes = np.array([len(some) for some in marks])
    spans = np.array([np.ptp(some["time"].astype(np.int64)) for some in marks])
    share = np.where((sizes < ENOUGH_MARKS) | (spans < ENOUGH_FRAMES), NEAR_FEW, NEAR)
    row = np.repeat(np.arange(len(marks)), sizes)
    both = np.concatenate([*values, *(some + 1 for some in values)])
    _, column, often = np.unique(both, return_inverse=True, return_counts=True)
    told = often <= max(400, len(marks) // 25)  # what very many tracks have says nothing of any

    def table(columns: _Ints) -> csr_array:
        kept = told[columns]
        ones = np.ones(int(kept.sum()), np.int32)
        return csr_array((ones, (row[kept], columns[kept])), shape=(len(marks), len(often)))

    plain, higher = table(column[: len(row)]), table(column[len(row) :])
    turned, found = plain.T.tocsr(), set()
    for start in range(0, len(marks), _BLOCK):
        common = (higher[start : start + _BLOCK] @ turned).tocoo()
        one, other = common.row + start, common.col
        smaller = np.minimum(sizes[one], sizes[other])
        fewest = np.maximum(NEAR_MARKS, np.maximum(share[one], share[other]) * smaller)
        likely = np.flatnonzero((common.data >= fewest) & (one != other))
        for low, high, least in zip(one[likely], other[likely], fewest[likely], strict=True):
            if _together(marks[low], marks[high]) >= least:
                found.add((min(int(low), int(high)), max(int(low), int(high))))
    return sorted(found)


def _together(low: npt.NDArray[np.void], high: npt.NDArray[np.void]) -> int:
    """How many marks of `low` are a step higher in `high` at one distance in time, played as fast or a step faster."""
    _, i, j = np.intersect1d(
        low["value"].astype(np.int64) + 1, high["value"].astype(np.int64), assume_unique=True, return_indices=True
    )
    before, after = low["time"][i].astype(np.float64), high["time"][j].astype(np.float64)
    most = 0
    for speed in (1.0, 2 ** (1 / STEPS)):
        apart = np.sort(after - before / speed)
        most = max(most, int((np.searchsorted(apart, apart + _TOGETHER, side="right") - np.arange(len(apart))).max()))
    return most
