"""How far are scores from the true ones, and do they put samples in the same order? With 95 % intervals over groups."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import Estimate, FloatArray, IntArray, positive_mean, student_quantile
from thawline.judging.ranking import jackknife_spread, without_each

# Without one group a correlation may come out at 1, whose transform is not finite.
_LARGEST = 1 - 1e-12


def mean_absolute_error(true: FloatArray, said: FloatArray, groups: npt.ArrayLike) -> Estimate:
    """The mean of |said - true|, in the unit of the scores; all [N], N at least 1."""
    return _positive_mean(np.abs(said - true), groups)


def root_mean_squared_error(true: FloatArray, said: FloatArray, groups: npt.ArrayLike) -> Estimate:
    """The root of the mean of (said - true)², in the unit of the scores; its interval is that of the mean's root."""
    square = _positive_mean((said - true) ** 2, groups)
    return Estimate(*(math.sqrt(each) for each in (square.value, square.low, square.high)))


def _positive_mean(values: FloatArray, groups: npt.ArrayLike) -> Estimate:
    """`positive_mean` of values that may be in any unit, however small."""
    unit = float(values.mean()) or 1.0
    found = positive_mean(values / unit, groups)
    return Estimate(unit * found.value, unit * found.low, unit * found.high)


def r2(true: FloatArray, said: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """The coefficient of determination: 1 less the squared errors by the squares about the mean; below 0 is worse.

    Leaving out one group after the other gives its interval, on the scale of ln(1 - R²), which any number is on.

    Returns:
        None where the true scores are all the same.
    """

    def statistic(rows: IntArray) -> float:
        own = true[rows]
        about = float(((own - own.mean()) ** 2).sum())
        return 1 - float(((said[rows] - own) ** 2).sum()) / about if about > 0 else math.nan

    return _jackknifed(statistic, lambda x: math.log(max(1 - x, 1 - _LARGEST)), lambda t: 1 - math.exp(t), groups)


def spearman(true: FloatArray, said: FloatArray, groups: npt.ArrayLike) -> Estimate | None:
    """Spearman's correlation of ranks, equal scores at the mean of their ranks.

    Leaving out one group after the other gives its interval, on Fisher's scale.

    Returns:
        None where the true scores are all the same, or those that were said.
    """

    def statistic(rows: IntArray) -> float:
        one, other = (_ranks(each[rows]) for each in (true, said))
        one, other = one - one.mean(), other - other.mean()
        size = math.sqrt(float((one**2).sum()) * float((other**2).sum()))
        return float((one * other).sum()) / size if size > 0 else math.nan

    return _jackknifed(statistic, lambda x: math.atanh(min(max(x, -_LARGEST), _LARGEST)), math.tanh, groups)


def _ranks(values: FloatArray) -> FloatArray:
    """The rank of each value, from 1; equal ones have the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[place]
    return ranks


def _jackknifed(
    statistic: Callable[[IntArray], float],
    forth: Callable[[float], float],
    back: Callable[[float], float],
    groups: npt.ArrayLike,
) -> Estimate | None:
    """`statistic` with the interval that leaving out groups gives on the scale that `forth` goes to and `back` from.

    As in `judging.ranking`. Where leaving out a group leaves nothing to tell it by, and of one group, all is possible.
    """
    value = statistic(np.arange(len(np.asarray(groups))))
    if math.isnan(value):
        return None
    rest = without_each(groups)
    without = np.array([statistic(kept) if len(kept) else math.nan for kept in rest])
    if len(rest) < 2 or np.isnan(without).any():
        ends = sorted((back(-math.inf), back(math.inf)))
        return Estimate(value, ends[0], ends[1])
    at = np.array([forth(each) for each in without])
    half = student_quantile(len(rest) - 1) * jackknife_spread(at)
    ends = sorted((back(forth(value) - half), back(forth(value) + half)))
    return Estimate(value, min(ends[0], value), max(ends[1], value))
