"""A second look at what stayed apart: how alike two groups are beside how alike each is to all others.

Some faces are near to nobody, their own person's other photos included, and one threshold for all misses them. Seen
from such a face its person still stands out. It is the adaptive normalisation of scores of speaker and face
verification (Matejka et al. 2017, Analysis of score normalization in multilingual speaker recognition).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.library.people.grouping.linking import EVIDENCE, Groups, mean_neighbours
from thawline.tasks.library.people.grouping.neighbours import Floats, Ints
from thawline.tasks.library.people.grouping.threshold import FAR, Threshold, by_chance

_COHORT = 256  # other groups, at most, that a group is compared with
_FEWEST = 8  # groups, below which none can stand out
_WEIGHT = 10  # other groups that weigh as much as what all of them show
_ODD = 4.0  # spreads beyond a person's own middle that an odd photo lies: where it was measured such were cut off
_BLOCK = 4096
_FACES = 10_000  # at most, that are compared with their own groups


@dataclass(frozen=True)
class OwnThreshold:
    """A threshold of each pair of groups, from the angles to others that both have.

    Attributes:
        usual: Between people, all over the library.
        others: [c, d] The mean vectors of some groups.
        faces: [c] A face of each of these.
        middle: Between a face and the others of its own group: the middle angle, radians.
        spread: Of that the standard deviation, on the far side.
        number: How many groups there are in all: the more, the likelier are two alike by chance.
    """

    usual: Threshold
    others: NDArray[np.float64]
    faces: Ints
    middle: float
    spread: float
    number: int

    @property
    def lowest(self) -> float:
        """The least cosine of any two groups: none is known."""
        return -1.0

    def least(self, groups: Groups, first: Ints, second: Ints) -> NDArray[np.float64]:
        """The least mean cosine of pairs of groups that are one person; 2, none, unless few faces meet many."""
        which, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        middles, spreads = self._seen_from(groups, which)
        a, b = place[: len(first)], place[len(first) :]
        sizes = np.minimum(groups.sizes[first], groups.sizes[second])
        wanted = np.maximum(self.usual.spreads(sizes), by_chance(self.number))
        limit = (middles[a] + middles[b] - wanted * (spreads[a] + spreads[b])) / 2
        limit = np.minimum(limit, self.middle + _ODD * self.spread)
        return np.where(_few_and_many(groups, first, second), np.cos(np.maximum(limit, 0.05)), 2.0)

    def _seen_from(self, groups: Groups, which: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The middle angle to others, and its spread, of each group of `which`; where there are few, more the usual."""
        middles, spreads = np.empty(len(which)), np.empty(len(which))
        of_others = groups.of[self.faces]
        for start in range(0, len(which), _BLOCK):
            some = which[start : start + _BLOCK]
            cosines = (groups.sums[some] / groups.sizes[some, None]) @ self.others.T
            angles = np.arccos(np.clip(cosines, -1, 1))
            angles[some[:, None] == of_others] = np.inf  # itself
            angles.sort(axis=1)
            count = np.isfinite(angles).sum(1)
            middle = _quantile(angles, count, 0.5)
            far = _quantile(angles, count, FAR)
            share = count / (count + _WEIGHT)
            middles[start : start + _BLOCK] = share * middle + (1 - share) * self.usual.middle
            spreads[start : start + _BLOCK] = share * (far - middle) + (1 - share) * self.usual.spread
        return middles, spreads


def own_threshold(units: Floats, groups: Groups, usual: Threshold) -> OwnThreshold | None:
    """The threshold of the pairs of `groups` of `units`; None: they are too few, or all small."""
    number = len(groups.sizes)
    within = _within(units, groups)
    if number < _FEWEST or not len(within):
        return None
    middle, far = np.percentile(within, [50, 100 * FAR]).tolist()
    rows = np.arange(number)
    if number > _COHORT:
        rows = np.sort(np.random.default_rng(0).choice(number, _COHORT, replace=False))
    faces = np.unique(groups.of, return_index=True)[1][rows]
    return OwnThreshold(usual, groups.sums[rows] / groups.sizes[rows, None], faces, middle, far - middle, number)


def _within(units: Floats, groups: Groups) -> NDArray[np.float64]:
    """The angles between faces and the others of their groups, where these are not small."""
    rows = np.flatnonzero(groups.sizes[groups.of] >= EVIDENCE)
    if len(rows) > _FACES:
        rows = np.sort(np.random.default_rng(0).choice(rows, _FACES, replace=False))
    of = groups.of[rows]
    cosines = (np.einsum("ij,ij->i", units[rows], groups.sums[of]) - 1) / (groups.sizes[of] - 1)
    return np.asarray(np.arccos(np.clip(cosines, -1, 1)))


def pairs_in_doubt(groups: Groups) -> tuple[Ints, Ints]:
    """Pairs of groups near each other of which a second look can tell."""
    first, second = mean_neighbours(groups)
    asked = _few_and_many(groups, first, second)
    return first[asked], second[asked]


def _few_and_many(groups: Groups, first: Ints, second: Ints) -> NDArray[np.bool_]:
    """Whether one of each pair has too few faces to look like a person, and the other enough for a sure mean."""
    a, b = groups.sizes[first], groups.sizes[second]
    return np.asarray((np.minimum(a, b) < EVIDENCE) & (np.maximum(a, b) >= EVIDENCE))


def _quantile(rows: NDArray[np.float64], count: Ints, at: float) -> NDArray[np.float64]:
    """[n] A quantile of the first `count` [n] of each of `rows` [n, c], sorted; a right angle where there are none."""
    place = at * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below, above = (np.take_along_axis(rows, index[:, None], 1)[:, 0] for index in (low, high))
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, below + (place - low) * (above - below), np.pi / 2)
