"""How well scores put positives above negatives, and pairs above strangers: with 95 % intervals over groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import (
    Estimate,
    FloatArray,
    IntArray,
    number_groups,
    proportion,
    student_quantile,
    wilson,
)

BoolArray = npt.NDArray[np.bool_]

# Groups are left out a block at a time where there are more than this.
_BLOCKS = 200
_ROUNDING = 1e-9


def roc_auc(labels: IntArray, scores: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The area under the ROC curve: how often a positive's score is above a negative's.

    Args:
        labels: 1 for positives, else 0, [n].
        scores: Higher for what looks more positive, [n].
        groups: Group of each sample, [n].

    Returns:
        None where there are only positives or only negatives.
    """
    return _ranked(_area, labels, scores, groups)


def average_precision(labels: IntArray, scores: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The mean precision over the positives, in the order of their scores; arguments as for `roc_auc`."""
    return _ranked(_precision, labels, scores, groups)


def mean_average_precision(truth: BoolArray, scores: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The mean over labels of `average_precision`.

    Args:
        truth: Which samples have which label, [n, labels]; a label that all have, or none, takes no part, neither in
            the mean nor in those of fewer groups from which the interval comes.
        scores: Higher for what looks more as if it had the label, [n, labels].
        groups: Group of each sample, [n].

    Returns:
        None where no label takes part.
    """
    order = np.argsort(-scores, axis=0, kind="stable")

    def varied(rows: IntArray) -> npt.NDArray[np.intp]:
        return np.flatnonzero(truth[rows].any(axis=0) & ~truth[rows].all(axis=0))

    def mean(rows: IntArray) -> float:
        among = np.zeros(len(truth), dtype=np.bool_)
        among[rows] = True
        ranked = ((i, order[among[order[:, i]], i]) for i in varied(rows))
        return float(np.mean([_precision(truth[kept, i], scores[kept, i]) for i, kept in ranked]))

    return _jackknifed(mean, lambda rows: len(varied(rows)) > 0, groups)


def _ranked(
    statistic: Callable[[npt.NDArray[Any], FloatArray], float],
    labels: IntArray,
    scores: FloatArray,
    groups: npt.ArrayLike,
) -> Estimate | None:
    """`statistic` of labels and scores from the highest score on, with its interval."""
    order = np.argsort(-scores, kind="stable")
    labels, scores = labels[order], scores[order]
    return _jackknifed(lambda kept: statistic(labels[kept], scores[kept]), _both(labels), np.asarray(groups)[order])


# scikit-learn's functions say the same, and take a hundred times as long in checking what they are given.
def _area(labels: npt.NDArray[Any], scores: FloatArray) -> float:
    """The area under the ROC curve of labels [n] by scores [n] from the highest on."""
    hits, counts = _at_thresholds(labels, scores)
    misses = counts - hits
    return float(np.trapezoid(np.append(0, hits), np.append(0, misses)) / (hits[-1] * misses[-1]))


def _precision(labels: npt.NDArray[Any], scores: FloatArray) -> float:
    """The average precision of labels [n] by scores [n] from the highest on."""
    hits, counts = _at_thresholds(labels, scores)
    return float((hits / counts * np.diff(hits, prepend=0)).sum() / hits[-1])


def _at_thresholds(labels: npt.NDArray[Any], scores: FloatArray) -> tuple[IntArray, IntArray]:
    """Positives, and samples, from each score on that occurs."""
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    return np.cumsum(labels, dtype=np.int64)[last], (last + 1).astype(np.int64)


def _both(labels: IntArray) -> Callable[[IntArray], bool]:
    """Whether there are positives and negatives among the samples `kept`."""
    return lambda kept: len(np.unique(labels[kept])) == 2


def _jackknifed(
    statistic: Callable[[IntArray], float], defined: Callable[[IntArray], bool], groups: npt.ArrayLike
) -> Estimate | None:
    """`statistic` with the interval that leaving out one group after the other gives, on the logit scale.

    The resampling of Efron and Stein, 1981, of groups rather than of samples. It draws nothing by chance.
    """
    numbers, count = number_groups(groups)
    everything = np.arange(len(numbers))
    if not defined(everything):
        return None
    value = statistic(everything)
    blocks = numbers % min(count, _BLOCKS)
    rest = [np.flatnonzero(blocks != block) for block in range(min(count, _BLOCKS))]
    if not all(map(defined, rest)):
        # Without one group there are no positives, or no negatives, so these are known from one sample.
        low, high = wilson(np.array(value), np.array(1.0))
        return Estimate(value, float(low), float(high))
    without = np.array([statistic(kept) for kept in rest])
    # A mean of precisions that are all 1 may come out one bit below it.
    if not _ROUNDING < value < 1 - _ROUNDING or np.ptp(without) == 0:
        # Nothing to learn a spread from: as many samples as there are groups.
        low, high = wilson(np.array(value), np.array(float(count)))
        return Estimate(value, float(low), float(high))
    spread = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())
    # Few groups show a spread that is itself uncertain.
    half = student_quantile(len(without) - 1) * spread / (value * (1 - value))
    logit = np.log(value / (1 - value))
    return Estimate(value, float(1 / (1 + np.exp(half - logit))), float(1 / (1 + np.exp(-half - logit))))


def recall_at(ranks: npt.ArrayLike, groups: npt.ArrayLike, depths: tuple[int, ...] = (1, 5, 10)) -> dict[int, Estimate]:
    """How often one of the right answers is among the first k.

    Args:
        ranks: The place of the best-placed right answer for each query, from 1, [n].
        groups: Group of each query, [n].
        depths: The k.
    """
    places = np.asarray(ranks)
    return {depth: proportion(places <= depth, groups) for depth in depths}


def best_ranks(similarity: FloatArray, right: npt.NDArray[np.bool_]) -> IntArray:
    """The place of the best right answer of each query, from 1; equals count as placed above it.

    Args:
        similarity: [queries, answers].
        right: [queries, answers]; each query has at least one right answer.
    """
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)
    ranks: IntArray = 1 + ((similarity >= best) & ~right).sum(axis=1).astype(np.int64)
    return ranks


def recall_of_labels(true: BoolArray, scores: npt.NDArray[Any], depth: int) -> FloatArray:
    """Of each sample the share of its labels that are among the `depth` of the highest scores, [N].

    Args:
        true: Which labels each sample has, [N, labels]; of a sample that has none the share is NaN.
        scores: Of each label, [N, labels]; of equal ones the first counts as higher.
        depth: How many are looked at.
    """
    first = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    hits, own = np.take_along_axis(true, first, axis=1).sum(axis=1), true.sum(axis=1)
    shares: FloatArray = np.divide(hits, own, out=np.full(len(true), np.nan), where=own > 0)
    return shares
