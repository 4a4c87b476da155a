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
    student_p,
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
    each = _each_precision(truth, scores)
    return _jackknifed(lambda rows: float(np.mean(each(rows))), lambda rows: len(_varied(truth, rows)) > 0, groups)


def precision_above_chance(
    truth: BoolArray, scores: FloatArray, groups: npt.ArrayLike
) -> tuple[Estimate, float] | None:
    """By how much `mean_average_precision` is above what an order by chance comes to, and the p-value of no gain.

    Both are of the same samples, so groups are left out of both: the jackknife's t-test of the difference (Tukey 1958),
    two-sided. An order by chance is above a label's share, the more so the fewer samples there are; that share itself
    is what equal scores of all samples come to.

    Returns:
        None where no label takes part, here or without some group, or where no group makes a difference.
    """
    each, rest = _each_precision(truth, scores), without_each(groups)
    if len(rest) < 2 or not all(len(_varied(truth, kept)) for kept in rest):
        return None

    def gain(rows: IntArray) -> float:
        positives = truth[rows][:, _varied(truth, rows)].sum(axis=0)
        return float(np.mean(each(rows) - _by_chance(positives, len(rows))))

    without = np.array([gain(kept) for kept in rest])
    if np.ptp(without) == 0:
        return None
    value, spread = gain(np.arange(len(truth))), jackknife_spread(without)
    half = student_quantile(len(rest) - 1) * spread
    return Estimate(value, value - half, value + half), student_p(value / spread, len(rest) - 1)


def _by_chance(positives: IntArray, samples: int) -> FloatArray:
    """The expected average precision of `positives` of the samples in an order that is drawn by chance.

    Of a positive at rank i the others are as likely on each rank: its precision is (1 + (i - 1) (k - 1) / (n - 1)) / i.
    """
    harmonic = (1 / np.arange(1, samples + 1)).sum()
    expected: FloatArray = (harmonic + (samples - harmonic) * (positives - 1) / (samples - 1)) / samples
    return expected


def _each_precision(truth: BoolArray, scores: FloatArray) -> Callable[[IntArray], FloatArray]:
    """What gives the average precision of each label that varies among some of the samples."""
    order = np.argsort(-scores, axis=0, kind="stable")

    def of(rows: IntArray) -> FloatArray:
        among = np.zeros(len(truth), dtype=np.bool_)
        among[rows] = True
        ranked = ((i, order[among[order[:, i]], i]) for i in _varied(truth, rows))
        return np.array([_precision(truth[kept, i], scores[kept, i]) for i, kept in ranked])

    return of


def _varied(truth: BoolArray, rows: IntArray) -> npt.NDArray[np.intp]:
    """The labels that some of the samples `rows` have, and not all."""
    return np.flatnonzero(truth[rows].any(axis=0) & ~truth[rows].all(axis=0))


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
    rest = without_each(groups)
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
    # Few groups show a spread that is itself uncertain.
    half = student_quantile(len(without) - 1) * jackknife_spread(without) / (value * (1 - value))
    logit = np.log(value / (1 - value))
    return Estimate(value, float(1 / (1 + np.exp(half - logit))), float(1 / (1 + np.exp(-half - logit))))


def without_each(groups: npt.ArrayLike) -> list[IntArray]:
    """The samples that are left without each group, or without each block of groups where there are many."""
    numbers, count = number_groups(groups)
    blocks = numbers % min(count, _BLOCKS)
    return [np.flatnonzero(blocks != block) for block in range(min(count, _BLOCKS))]


def jackknife_spread(without: FloatArray) -> float:
    """The jackknife's standard error of a statistic, by what it comes to without each group, [groups]."""
    return float(np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum()))


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
