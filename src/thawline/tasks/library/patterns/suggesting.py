"""Tags suggested by the tags that an entry has already, and what such suggestions are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash
from scipy import sparse

from thawline.judging.intervals import proportion
from thawline.judging.paired import compare
from thawline.tasks.library.patterns.tags import Matrix, Tags, thinned

DEPTH: Final = 5  # suggestions that are looked at
FOLDS: Final = 5
MOST_JUDGED: Final = 2000  # entries
LEAST_JUDGED: Final = 20  # entries: of fewer nothing can be said
SHRINK: Final = 5.0  # entries that what tags have to do with each other must be seen in to count for half
_AT_ONCE = 500


@dataclass(frozen=True)
class Together:
    """What each tag says of others: naive Bayes over the tags of an entry.

    Attributes:
        prior: [t] logarithm of how often each tag comes up.
        lacks: [t] what a tag of an entry takes from each other that never came with it.
        comes: [t, t] what it gives back where it did: row: the tag that is there; column: the one suggested.
    """

    prior: npt.NDArray[np.float64]
    lacks: npt.NDArray[np.float64]
    comes: Matrix

    def scores(self, has: Matrix) -> npt.NDArray[np.float64]:
        """[m, t] how likely each tag is; those that an entry has already are at minus infinity.

        Args:
            has: [m, t] 1 where an entry has a tag.
        """
        known = np.asarray(has.sum(axis=1)).reshape(-1, 1)
        scores: npt.NDArray[np.float64] = (has @ self.comes).toarray() + self.prior + known * self.lacks
        rows = np.repeat(np.arange(has.shape[0]), np.diff(has.indptr))
        scores[rows, has.indices] = -np.inf
        return scores


def learn_together(has: Matrix) -> Together:
    """What tags have to do with each other, by the entries [n, t] that have them."""
    entries = max(has.shape[0], 1)
    counts = np.asarray(has.sum(axis=0), np.float64).ravel()
    share = np.maximum(counts, 0.5) / entries
    few = thinned(has).astype(np.float64)
    both = sparse.csr_array(few.T @ few)
    both.setdiag(0)
    both.eliminate_zeros()
    row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    both.data = np.log1p(both.data / (SHRINK * share[row]))
    return Together(np.log(share), np.log(SHRINK / (counts + SHRINK)), both)


def judge_together(ids: Sequence[str], tags: Tags) -> dict[str, Any] | None:
    """How often a tag that was taken from an entry is among the first five suggested by its others.

    Entries are held out by fifths, by the digests of their ids, and one tag of each is taken away, by chance; what is
    suggested is learnt of the other fifths. Beside it stand the five most frequent tags that the entry lacks.

    Returns:
        `recall@5` of both, each with an interval, and their paired test; None: too few entries have two tags.
    """
    tags = tags.frequent
    digests = np.array([xxhash.xxh3_64_intdigest(one.encode()) for one in ids], np.uint64)
    judged = np.flatnonzero(np.diff(tags.has.indptr) > 1)
    judged = judged[np.argsort(digests[judged], kind="stable")][:MOST_JUDGED]
    if len(judged) < LEAST_JUDGED:
        return None
    hits: list[npt.NDArray[np.bool_]] = []
    for fold in range(FOLDS):
        rows = judged[digests[judged] % FOLDS == fold]
        together = learn_together(tags.has[digests % FOLDS != fold])
        frequent = Together(together.prior, np.zeros_like(together.prior), sparse.csr_array(together.comes.shape))
        left, taken = _without_one(tags.has[rows], digests[rows])
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            hits.append(np.stack([_is_among(one.scores(left[part]), taken[part]) for one in (together, frequent)]))
    right, plain = np.concatenate(hits, axis=1)
    groups, yes = np.arange(len(judged)), np.ones(len(judged), int)
    test = compare(yes, right, plain, groups, name_a="co-occurrence", name_b="the most frequent tags")
    return {
        f"recall@{DEPTH}": _figures(proportion(right, groups)),
        f"recall@{DEPTH}_of_the_most_frequent": _figures(proportion(plain, groups)),
        "test": test.to_json(),
    }


def _without_one(has: Matrix, digests: npt.NDArray[np.uint64]) -> tuple[Matrix, npt.NDArray[np.intp]]:
    """([m, t] without a tag of each entry, these tags [m])."""
    sizes = np.diff(has.indptr)
    place = has.indptr[:-1] + (digests // FOLDS % sizes.astype(np.uint64)).astype(np.intp)
    data = has.data.copy()
    data[place] = 0
    left = sparse.csr_array((data, has.indices, has.indptr), shape=has.shape)
    taken = has.indices[place].astype(np.intp)
    left.eliminate_zeros()
    return left, taken


def _is_among(scores: npt.NDArray[np.float64], taken: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether each is among the first `DEPTH`; equals count as placed above it."""
    own = scores[np.arange(len(taken)), taken]
    among: npt.NDArray[np.bool_] = (scores >= own[:, None]).sum(axis=1) <= DEPTH
    return among


def _figures(estimate: Any) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
