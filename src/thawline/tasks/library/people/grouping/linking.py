"""Groups of faces joined by the mean similarity of all their pairs, the most alike first.

It is average linkage (UPGMA) on the graph of nearest neighbours. Of unit vectors the mean similarity of two groups is
the product of their sums over their sizes, so that no pair is ever computed. Groups that are each other's most alike
are joined at once, all over the graph, which gives the tree that one pair after another would
(Sumengen et al. 2021, Reciprocal agglomerative clustering).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.library.people.grouping.neighbours import Floats, Ints, nearest

# Of the groups of faces and pairs of groups: whether each pair is two people's.
Forbidden: TypeAlias = Callable[[Ints, Ints, Ints], NDArray[np.bool_]]

_AGAIN = 8  # nearest other groups that are looked at once no neighbours are left to join
_BLOCK = 65_536
EVIDENCE = 4  # faces that each of two groups has at least before they can look like two people's
_MIXED = 0.12  # of what is expected were the groups one: as often at least a face's nearest are in the other
_WIDER = 1.3  # two people's: so much farther from each other than from their own
NEAR = 4  # nearest faces by which groups are told to be mixed


@dataclass
class Groups:
    """Groups of faces on their way to people.

    Attributes:
        of: [n] The group of each face.
        sums: [g, d] The sum of each group's unit vectors.
        sizes: [g] How many faces each has.
    """

    of: Ints
    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]

    def alike(self, first: Ints, second: Ints) -> NDArray[np.float64]:
        """The mean cosine of pairs of groups."""
        out = np.empty(len(first))
        for start in range(0, len(first), _BLOCK):
            a, b = first[start : start + _BLOCK], second[start : start + _BLOCK]
            out[start : start + _BLOCK] = np.einsum("ij,ij->i", self.sums[a], self.sums[b])
        return out / (self.sizes[first] * self.sizes[second])

    def within(self, which: Ints) -> NDArray[np.float64]:
        """The mean cosine of the pairs in each of `which`, NaN of one face."""
        sizes, sums = self.sizes[which], self.sums[which]
        pairs = sizes * (sizes - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(pairs > 0, (np.einsum("ij,ij->i", sums, sums) - sizes) / pairs, np.nan)

    def merge(self, gone: Ints, into: Ints) -> None:
        """Put the groups `gone` [p] into the groups `into` [p], which stay; what is gone keeps its number, empty."""
        self.sums[into] += self.sums[gone]
        self.sizes[into] += self.sizes[gone]
        self.sizes[gone] = 0
        to = np.arange(len(self.sizes))
        to[gone] = into
        self.of = to[self.of]

    def tidy(self) -> None:
        """Number the groups anew, without the empty ones."""
        stays = self.sizes > 0
        self.of = (np.cumsum(stays) - 1)[self.of]
        self.sums, self.sizes = self.sums[stays], self.sizes[stays]


class Limit(Protocol):
    """How alike groups of one person are."""

    @property
    def lowest(self) -> float:
        """The least cosine of any two groups."""

    def least(self, groups: Groups, first: Ints, second: Ints) -> NDArray[np.float64]:
        """The least mean cosine of pairs of `groups` that are one person."""


def groups_of(units: Floats, labels: Ints) -> Groups:
    """Groups of `units` [n, d] by `labels` [n], 0 and up, numbered by their first face."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    of = np.argsort(np.argsort(first))[inverse]
    sums = np.zeros((len(first), units.shape[1]))
    np.add.at(sums, of, units)
    return Groups(of, sums, np.bincount(of, minlength=len(first)).astype(np.float64))


def pairs_of(first: Ints, second: Ints, number: int) -> tuple[Ints, Ints]:
    """Different pairs of `first` and `second`, each once, the smaller first, in order."""
    different = first != second
    low, high = np.minimum(first, second)[different], np.maximum(first, second)[different]
    keys = np.unique(low * number + high)
    return keys // max(number, 1), keys % max(number, 1)


def link(
    groups: Groups, first: Ints, second: Ints, threshold: Limit, near: Ints, forbidden: Forbidden, *, further: bool
) -> None:
    """Join `groups` along the pairs of groups `first` and `second` [p].

    Args:
        groups: The groups, which are changed.
        first: One group of each pair.
        second: The other.
        threshold: How alike they must be.
        near: [n, NEAR] The nearest faces of each face, by which two people who look alike are told; -1: none.
        forbidden: What says that groups are two people's.
        further: Whether groups that lie near each other are joined afterwards though no pair of neighbours links them:
            somebody with many photos may have all neighbours among a few of them.
    """
    while _link_along(groups, first, second, threshold, near, forbidden) and further and len(groups.sizes) > 1:
        first, second = mean_neighbours(groups)


def mean_neighbours(groups: Groups, count: int = _AGAIN) -> tuple[Ints, Ints]:
    """Pairs of groups whose mean vectors are near each other."""
    means = groups.sums / np.maximum(np.linalg.norm(groups.sums, axis=1, keepdims=True), 1e-12)
    return neighbour_pairs(nearest(np.ascontiguousarray(means, np.float32), count)[0])


def neighbour_pairs(places: Ints) -> tuple[Ints, Ints]:
    """Each row of `places` [n, k] with what it names, each pair once; -1 names none."""
    own = np.repeat(np.arange(len(places)), places.shape[1])
    there = places.ravel() >= 0
    return pairs_of(own[there], places.ravel()[there], len(places))


def _link_along(groups: Groups, first: Ints, second: Ints, threshold: Limit, near: Ints, forbidden: Forbidden) -> bool:
    alike, fit = _looked_at(groups, first, second, threshold, near, forbidden)
    joined = False
    while fit.any():
        joined = True
        at = np.flatnonzero(fit)
        stay, gone = _mutual(first[at], second[at], alike[at], len(groups.sizes))
        groups.merge(gone, stay)
        to, changed = np.arange(len(groups.sizes)), np.zeros(len(groups.sizes), np.bool_)
        to[gone] = stay
        changed[stay] = changed[gone] = True
        old = ~(changed[first] | changed[second])  # what was found of these holds still
        new_first, new_second = pairs_of(to[first[~old]], to[second[~old]], len(to))
        new_alike, new_fit = _looked_at(groups, new_first, new_second, threshold, near, forbidden)
        kept = new_alike >= threshold.lowest  # no mean of these and lower ones is higher
        first = np.concatenate([first[old], new_first[kept]])
        second = np.concatenate([second[old], new_second[kept]])
        alike = np.concatenate([alike[old], new_alike[kept]])
        fit = np.concatenate([fit[old], new_fit[kept]])
    groups.tidy()
    return joined


def _looked_at(
    groups: Groups, first: Ints, second: Ints, threshold: Limit, near: Ints, forbidden: Forbidden
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How alike pairs of groups are, and whether they may be joined."""
    alike = groups.alike(first, second)
    fit = alike >= threshold.least(groups, first, second)
    at = np.flatnonzero(fit)
    fit[at] = ~forbidden(groups.of, first[at], second[at])
    at = np.flatnonzero(fit)
    fit[at] = ~look_like_two(groups, first[at], second[at], alike[at], near)
    return alike, fit


def _mutual(first: Ints, second: Ints, alike: NDArray[np.float64], number: int) -> tuple[Ints, Ints]:
    """Pairs of groups that are each other's most alike; of equals the first pair."""
    most = np.full(number, -np.inf)
    np.maximum.at(most, first, alike)
    np.maximum.at(most, second, alike)
    at = np.flatnonzero((alike == most[first]) & (alike == most[second]))
    at = at[np.lexsort((second[at], first[at], -alike[at]))]
    first, second, rank = first[at], second[at], np.arange(len(at))
    earliest = np.full(number, len(at))
    np.minimum.at(earliest, first, rank)
    np.minimum.at(earliest, second, rank)
    mutual = (earliest[first] == rank) & (earliest[second] == rank)
    return first[mutual], second[mutual]


def look_like_two(
    groups: Groups, first: Ints, second: Ints, alike: NDArray[np.float64], near: Ints
) -> NDArray[np.bool_]:
    """Whether pairs of groups look like two people who are alike, such as twins: apart, and each at one with itself."""
    smaller = np.minimum(groups.sizes[first], groups.sizes[second])
    two = np.zeros(len(first), np.bool_)
    if not (smaller >= EVIDENCE).any():
        return two
    doubtful = np.flatnonzero(smaller >= EVIDENCE)
    own = np.fmax(groups.within(first[doubtful]), groups.within(second[doubtful]))
    doubtful = doubtful[1 - alike[doubtful] > _WIDER * (1 - own)]
    if len(doubtful):
        a, b = first[doubtful], second[doubtful]
        sizes = groups.sizes
        expected = 2 * near.shape[1] * sizes[a] * sizes[b] / (sizes[a] + sizes[b] - 1)
        two[doubtful] = _crossing(groups.of, near, a, b) < _MIXED * expected
    return two


def _crossing(of: Ints, near: Ints, first: Ints, second: Ints) -> NDArray[np.float64]:
    """How many of the faces near to one of `first` are in its group of `second`, and the other way round."""
    number = int(of.max()) + 1
    wanted = np.minimum(first, second) * number + np.maximum(first, second)
    asked = np.zeros(number, np.bool_)
    asked[first] = asked[second] = True
    rows = np.flatnonzero(asked[of])
    there = near[rows] >= 0
    a, b = np.repeat(of[rows], near.shape[1])[there.ravel()], of[near[rows][there]]
    keys, counts = np.unique(np.minimum(a, b) * number + np.maximum(a, b), return_counts=True)
    if not len(keys):
        return np.zeros(len(first))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, counts[at], 0).astype(np.float64)
