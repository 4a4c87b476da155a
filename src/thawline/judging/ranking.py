"""How well scores put positives above negatives, and pairs above strangers: with 95 % intervals over groups."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from thawline.judging.intervals import Estimate, FloatArray, IntArray, number_groups, proportion, wilson

# Groups are left out a block at a time where there are more than this.
_BLOCKS = 200


def roc_auc(labels: IntArray, scores: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The area under the ROC curve: how often a positive's score is above a negative's.

    Args:
        labels: 1 for positives, else 0, [n].
        scores: Higher for what looks more positive, [n].
        groups: Group of each sample, [n].

    Returns:
        None where there are only positives or only negatives.
    """
    return _jackknifed(lambda kept: float(roc_auc_score(labels[kept], scores[kept])), labels, groups)


def average_precision(labels: IntArray, scores: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The mean precision over the positives, in the order of their scores; arguments as for `roc_auc`."""
    return _jackknifed(lambda kept: float(average_precision_score(labels[kept], scores[kept])), labels, groups)


def _jackknifed(statistic: Callable[[IntArray], float], labels: IntArray, groups: npt.ArrayLike) -> Estimate | None:
    """`statistic` with the interval that leaving out one group after the other gives, on the logit scale.

    The resampling of Efron and Stein, 1981, of groups rather than of samples. It draws nothing by chance.
    """
    numbers, count = number_groups(groups)
    if len(np.unique(labels)) < 2:
        return None
    value = statistic(np.arange(len(labels)))
    blocks = numbers % min(count, _BLOCKS)
    rest = [np.flatnonzero(blocks != block) for block in range(min(count, _BLOCKS))]
    usable = [kept for kept in rest if len(np.unique(labels[kept])) == 2]
    without = np.array([statistic(kept) for kept in usable])
    if len(without) < 2 or not 0 < value < 1 or np.ptp(without) == 0:
        # Nothing to learn a spread from: as many samples as there are groups.
        low, high = wilson(np.array(value), np.array(float(count)))
        return Estimate(value, float(low), float(high))
    spread = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())
    # Few groups show a spread that is itself uncertain.
    half = stats.t.ppf(0.975, len(without) - 1) * spread / (value * (1 - value))
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
