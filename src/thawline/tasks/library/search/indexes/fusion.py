"""Several rankings made one, by the ranks that entries have in each (Cormack, Clarke and Büttcher 2009), weighted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.search.wording.said import Ints

DEPTH: Final = 100  # of each ranking
NOWHERE: Final = np.iinfo(np.int64).max // 2  # the rank of what is in no ranking
_KS = (60, 30, 10, 3, 1)
_STEPS = {1: 1, 2: 10, 3: 5}  # in which weights of so many rankings are tried

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fusion:
    """How rankings are fused: an entry's score is the sum of weight / (k + its rank).

    Attributes:
        weights: Of each ranking by its name; they sum to 1.
        k: How little the first ranks are set apart.
    """

    weights: Mapping[str, float]
    k: int = 60


def even(names: Sequence[str]) -> Fusion:
    """All rankings alike: where nothing can be fitted."""
    return Fusion(dict.fromkeys(names, 1 / len(names)))


def fuse(rankings: Mapping[str, Ints], fusion: Fusion) -> tuple[Ints, Floats]:
    """The entries of `rankings`, each best first, fused: best first, of equals the earlier one; and their scores.

    A ranking that has no weight adds no entries.
    """
    scores: dict[int, float] = {}
    for name, rows in rankings.items():
        weight = fusion.weights.get(name, 0.0)
        if weight <= 0:
            continue
        for rank, row in enumerate(rows.tolist(), start=1):
            scores[row] = scores.get(row, 0.0) + weight / (fusion.k + rank)
    order = sorted(scores, key=lambda row: (-scores[row], row))
    return np.array(order, np.int64), np.array([scores[row] for row in order])


def gains(ranks: Ints, depth: int = 10) -> Floats:
    """[q] nDCG at `depth` of queries with one right entry each, at these ranks."""
    return np.where(ranks <= depth, 1 / np.log2(1.0 + np.minimum(ranks, depth)), 0.0)


@dataclass(frozen=True, eq=False)
class Ranked:
    """Queries with one right entry each, and where rankings have the entries that any of them names.

    Attributes:
        names: [s] of the rankings.
        rows: [q, c] the entries, in order; -1 where a query has fewer.
        ranks: [q, c, s] from 1; infinite where a ranking lacks an entry.
        right: [q] the entry that each query means.
    """

    names: tuple[str, ...]
    rows: Ints
    ranks: Floats
    right: Ints

    @classmethod
    def of(cls, rankings: Sequence[Mapping[str, Ints]], right: Ints) -> "Ranked":
        """Those of `rankings` [q], by the same names in all, each best first."""
        names = tuple(rankings[0])
        each = [np.unique(np.concatenate([own[name] for name in names])) for own in rankings]
        rows = np.full((len(each), max(1, *map(len, each))), -1, np.int64)
        ranks = np.full((*rows.shape, len(names)), np.inf)
        for query, (own, found) in enumerate(zip(rankings, each, strict=True)):
            rows[query, : len(found)] = found
            for source, name in enumerate(names):
                ranks[query, np.searchsorted(found, own[name]), source] = np.arange(1, len(own[name]) + 1)
        return cls(names, rows, ranks, right)

    def fused(self, fusion: Fusion) -> Ints:
        """[q] The rank of each right entry after fusion, from 1; `NOWHERE`: no ranking with a weight has it."""
        weights = np.array([fusion.weights.get(name, 0.0) for name in self.names])
        scores = (weights / (fusion.k + self.ranks)).sum(axis=2)
        is_right = self.rows == self.right[:, None]
        own = np.where(is_right, scores, 0).max(axis=1, keepdims=True)
        above = (scores > own) | ((scores == own) & (self.rows < self.right[:, None]))
        return np.where(own[:, 0] > 0, 1 + (above & (scores > 0)).sum(axis=1), NOWHERE)


def candidates(names: Sequence[str]) -> list[Fusion]:
    """Fusions to try, the evenest first: of those that serve equally well the first is taken."""
    return list(_candidates(names))


def _candidates(names: Sequence[str]) -> Iterator[Fusion]:
    """Fusions to try, the evenest first."""
    steps = _STEPS[len(names)]
    shares = [parts for parts in product(range(steps + 1), repeat=len(names)) if sum(parts) == steps]
    shares.sort(key=lambda parts: (max(parts) - min(parts), parts))
    for parts, k in product(shares, _KS):
        if k == _KS[0] or max(parts) < steps:  # one ranking alone is the same with every k
            yield Fusion({name: part / steps for name, part in zip(names, parts, strict=True)}, k)
