"""How alike two faces must be to be one person's, from the faces themselves.

Faces of different people have angles between them that spread about a middle; what lies well below is one person's.
The middle and the spread are measured between faces of different groups, one a group: who has many photos doesn't
count more.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from thawline.tasks.library.people.grouping.neighbours import Floats, Ints

USUAL = 0.5  # cosine: what two faces of one person commonly have, in unit vectors
_EUCLIDEAN = 0.6  # dlib's own: the distance, of encodings that are no unit vectors
_USUAL_SPREAD = 0.12  # radians: between people, where there are hardly any to measure
_WIDEST = 0.18  # radians: a spread beyond has pairs of one person in it
_WEIGHT = 30  # pairs of people that weigh as much as what is usual
_PAIRS = 100_000  # at most, pairs that are looked at
_BY_CHANCE = 0.1  # faces of others that may lie as near to a face as the threshold, of all the faces there are
_FAR_NEARER = 0.35  # of what is between two faces in the middle: what is far nearer
FAR = 0.8413  # of what is normal, so much lies nearer than a spread beyond the middle
_LEAST, _MOST = 2.5, 5.0  # spreads below the middle


class Sized(Protocol):
    """Groups of faces."""

    sizes: NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """From where on groups of faces are one person's.

    Attributes:
        middle: Between people: the middle angle, radians.
        spread: Between people: the standard deviation of the angle, radians.
        strict: Spreads below the middle that two single faces must lie.
        lenient: The same of large groups, whose mean similarity is surer.
        fixed: The cosine that a setting asks for, in their place.
    """

    middle: float
    spread: float
    strict: float
    lenient: float
    fixed: float | None = None

    def least(self, groups: Sized, first: Ints, second: Ints) -> NDArray[np.float64]:
        """The least mean cosine of pairs of groups that are one person, by the size of the smaller one."""
        return self._by_size(np.minimum(groups.sizes[first], groups.sizes[second]))

    def spreads(self, smaller: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many spreads below the middle two groups must lie, by the size of the smaller one."""
        return self.lenient + (self.strict - self.lenient) / np.sqrt(smaller)

    def _by_size(self, smaller: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.fixed is not None:
            return np.full(len(smaller), self.fixed)
        return np.asarray(np.cos(np.maximum(self.middle - self.spreads(smaller) * self.spread, 0.05)))

    @property
    def lowest(self) -> float:
        """The least cosine of any two groups."""
        return float(self._by_size(np.array([np.inf]))[0])

    @property
    def of_faces(self) -> float:
        """The least cosine of two single faces."""
        return float(self._by_size(np.array([1.0]))[0])


def usual(lengths: Floats, width: int) -> float:
    """The cosine that commonly tells one person's faces, by the lengths of the encodings as given.

    dlib's 128 numbers are no unit vectors, and two are one person's within a distance of 0.6.
    """
    length = float(np.median(lengths)) if len(lengths) else 1.0
    if width == 128 and 1.1 < length < 1.8:
        return 1 - _EUCLIDEAN**2 / (2 * length**2)
    return USUAL


def learn_threshold(units: Floats, groups: Ints | None, known: float, number: int) -> Threshold:
    """The threshold of `units` [n, d], unit vectors in an order that does not depend on how they came.

    Args:
        units: The faces.
        groups: What group each is of, as far as that is known: one of each is looked at; None: each is its own.
        known: The cosine that is usual, which counts where there are few people.
        number: How many faces there are in all, of which `units` may be some.
    """
    one_each = units if groups is None else units[np.unique(groups, return_index=True)[1]]
    angles = _angles(one_each)
    strict = by_chance(number)
    lenient = min(strict, _LEAST + 0.25)
    middle, spread = np.arccos(known) + strict * _USUAL_SPREAD, _USUAL_SPREAD
    if len(angles):
        median, far = np.percentile(angles, [50, 100 * FAR])  # the far side has no pairs of one person in it
        share = len(angles) / (len(angles) + _WEIGHT)
        middle, spread = share * median + (1 - share) * middle, share * (far - median) + (1 - share) * spread
    return Threshold(float(middle), float(np.clip(spread, 0.01, _WIDEST)), strict, lenient)


def by_chance(number: int) -> float:
    """So many spreads below the middle hardly one of `number` others lies by chance."""
    return float(np.clip(norm.isf(min(_BY_CHANCE / max(number, 1), 0.4)), _LEAST, _MOST))


def stands_out(units: Floats, cosines: Floats) -> bool:
    """Whether faces have neighbours that are far nearer than others, as they do where people have several each.

    Otherwise there is one person, or each has one face, and how faces lie does not say which.

    Args:
        units: [n, d] The faces.
        cosines: [n, k] Those of the nearest of each.
    """
    if not cosines.shape[1]:
        return False
    usually = 1 - float(np.cos(np.median(_angles(units))))
    return 1 - float(np.median(cosines[:, 0])) < _FAR_NEARER * usually


def _angles(units: Floats) -> NDArray[np.float64]:
    """Angles of pairs of `units`: all, or as many as are enough, the same for the same units."""
    number = len(units)
    if number * (number - 1) // 2 <= _PAIRS:
        first, second = np.triu_indices(number, 1)
    else:
        first, second = np.random.default_rng(0).integers(0, number, (2, _PAIRS))
        first, second = first[first != second], second[first != second]
    cosines = np.concatenate(
        [
            np.empty(0),
            *(_cosines(units, first[i : i + 65536], second[i : i + 65536]) for i in range(0, len(first), 65536)),
        ]
    )
    return np.asarray(np.arccos(np.clip(cosines, -1, 1)))


def _cosines(units: Floats, first: Ints, second: Ints) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,ij->i", units[first], units[second], dtype=np.float64))
