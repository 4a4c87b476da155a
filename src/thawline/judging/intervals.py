"""95 % intervals for proportions and means of samples that come in groups.

Everything here rests on one number, the effective count of samples: how many independent samples would tell as much as
these grouped ones do. A Wilson score interval over the effective count becomes the plain Wilson interval where every
group has one sample. A bootstrap over groups, the usual choice, covers the truth in only 65 to 95 % of simulated
cases with 20 to 100 groups, since a resample of groups that are nearly all right seldom shows what is missing.

Arrays are summed by group first; axis 0 is always the group, so many proportions are judged in one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Z = 1.959963984540054  # the 97.5 % point of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three numbers as a plain dict."""
        return {"value": self.value, "low": self.low, "high": self.high}


class Estimates(NamedTuple):
    """Many estimates of one shape; NaN where there is no sample to judge by."""

    value: FloatArray
    low: FloatArray
    high: FloatArray

    def at(self, *index: int) -> Estimate | None:
        """The estimate at `index`, None where it is undefined."""
        value, low, high = (float(array[index]) for array in self)
        return None if np.isnan(value) else Estimate(value, low, high)


def number_groups(groups: npt.ArrayLike) -> tuple[IntArray, int]:
    """Groups [N] of any values as consecutive numbers [N], and how many there are."""
    names, numbers = np.unique(np.asarray(groups), return_inverse=True)
    return numbers.astype(np.int64).reshape(-1), len(names)


def sum_by_group(values: npt.ArrayLike, groups: npt.ArrayLike) -> FloatArray:
    """Sums over each group: values [N] and groups [N] give [G], in the order of the sorted groups."""
    numbers, count = number_groups(groups)
    return np.bincount(numbers, weights=np.asarray(values, dtype=np.float64), minlength=count).astype(np.float64)


def effective_samples(sums: FloatArray, squares: FloatArray, sizes: FloatArray) -> FloatArray:
    """How many independent samples are worth as much for a mean as these grouped ones.

    The smaller of two counts. The first comes from the intra-class correlation (analysis of variance): steady with few
    groups, but it takes every group as alike. The second comes from the linearised variance between groups: right
    whatever the groups are like, but noisy when few of them differ. Where no value differs from another nothing is
    known of the correlation, and each group counts as one sample.

    Args:
        sums: [G, ...] sum of the values in each group.
        squares: [G, ...] sum of their squares (for a proportion the same as `sums`).
        sizes: [G, ...] samples in each group; groups of size 0 take no part.

    Returns:
        [...] between 1 and the number of samples; 0 where there are none.

    Kish 1965 (design effect); Donner and Klar 2000 (the correlation); Saha, Miller and Wang 2016 (Wilson with it).
    """
    total = sizes.sum(0)
    groups = (sizes > 0).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.sum(0) / total
        spread = np.maximum(squares.sum(0) / total - mean**2, 0.0)
        deviations = sums - mean * sizes
        linearised = spread * total**2 / (deviations**2).sum(0)

        between = np.where(sizes > 0, deviations**2 / sizes, 0.0).sum(0) / (groups - 1)
        within = squares.sum(0) - np.where(sizes > 0, sums**2 / sizes, 0.0).sum(0)
        within = np.maximum(within, 0.0) / np.maximum(total - groups, 1)
        weighted_size = (sizes**2).sum(0) / total
        typical_size = (total - weighted_size) / (groups - 1)
        correlation = np.clip((between - within) / (between + (typical_size - 1) * within), 0.0, 1.0)
        correlated = total / (1 + (weighted_size - 1) * correlation)

        effective = np.fmin(np.fmin(linearised, correlated), total)
    constant = spread <= 1e-12 * np.maximum(1.0, mean**2)
    effective = np.where(constant | (groups <= 1), groups, effective)
    return np.where(total > 0, np.maximum(effective, 1.0), 0.0)


def wilson(proportion: FloatArray, samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval for proportions [...] seen in `samples` [...], which need not be whole (Wilson 1927)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shrink = 1 + Z**2 / samples
        centre = (proportion + Z**2 / (2 * samples)) / shrink
        half = Z * np.sqrt(proportion * (1 - proportion) / samples + Z**2 / (4 * samples**2)) / shrink
    # Rounding must not push a bound past the value it belongs to.
    return np.clip(np.minimum(centre - half, proportion), 0, 1), np.clip(np.maximum(centre + half, proportion), 0, 1)


def proportions(successes: FloatArray, sizes: FloatArray) -> Estimates:
    """Proportions with intervals: successes [G, ...] out of sizes [G, ...] give estimates [...]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = successes.sum(0) / sizes.sum(0)
    samples = effective_samples(successes, successes, sizes)
    return Estimates(value, *wilson(value, samples))


def proportion(right: npt.ArrayLike, groups: npt.ArrayLike) -> Estimate:
    """The share of true values in right [N], samples of groups [N]; N is at least 1."""
    sums, sizes = sum_by_group(right, groups), sum_by_group(np.ones(len(np.asarray(right))), groups)
    estimate = proportions(sums, sizes).at()
    if estimate is None:
        raise ValueError("a proportion needs at least one sample")
    return estimate


def mean_share(values: npt.ArrayLike, groups: npt.ArrayLike) -> Estimate:
    """The mean of values [N] between 0 and 1, samples of groups [N]; N is at least 1.

    Values that are 0 or 1 alone vary most for their mean: taking all as if they were, the interval is wide enough.
    """
    values = np.asarray(values, dtype=np.float64)
    sums, squares = sum_by_group(values, groups), sum_by_group(values**2, groups)
    samples = effective_samples(sums, squares, sum_by_group(np.ones(len(values)), groups))
    mean = np.array(values.mean())
    low, high = wilson(mean, samples)
    return Estimate(float(mean), float(low), float(high))


def positive_mean(values: npt.ArrayLike, groups: npt.ArrayLike) -> Estimate:
    """The mean of values [N] that are 0 or more and skewed, as losses are, with an interval on the logarithmic scale.

    Values that are all the same give a point: there is no spread to learn from.
    """
    values = np.asarray(values, dtype=np.float64)
    sums, sizes = sum_by_group(values, groups), sum_by_group(np.ones(len(values)), groups)
    squares = sum_by_group(values**2, groups)
    samples = float(effective_samples(sums, squares, sizes))
    mean = float(values.mean())
    if mean == 0:
        return Estimate(0.0, 0.0, 0.0)
    # The logarithm's standard error is the mean's relative one (delta method); the interval stays above zero.
    quantile = student_quantile(max(samples - 1, 1.0))
    factor = float(np.exp(min(quantile * values.std() / np.sqrt(samples) / mean, 50.0)))
    return Estimate(mean, mean / factor, mean * factor)


def student_quantile(freedom: float) -> float:
    """The 97.5 % point of Student's distribution with so many degrees of freedom, which are above 0."""
    from scipy.special import stdtrit  # late: a fifth of a second; all of SciPy's statistics take one

    return float(stdtrit(freedom, 0.975))


def student_p(t: float, freedom: float) -> float:
    """The two-sided p-value of `t` by Student's distribution with so many degrees of freedom; above 0."""
    from scipy.special import stdtr  # late, as above

    return float(max(2 * stdtr(freedom, -abs(t)), np.finfo(np.float64).tiny))


def mean_of_repeats(values: npt.ArrayLike) -> Estimate:
    """The mean of shares [N] that independent repeats gave, seeds say, with Student's interval, within 0 and 1."""
    shares = np.asarray(values, dtype=np.float64)
    mean, half = float(shares.mean()), 1.0  # of one repeat nothing is known
    if len(shares) > 1:
        half = float(student_quantile(len(shares) - 1) * shares.std(ddof=1) / np.sqrt(len(shares)))
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half))


def mean_of_ratios(numerators: FloatArray, denominators: FloatArray, parts: Estimates) -> Estimate | None:
    """The plain mean over classes of ratios of sums over groups, such as balanced accuracy and macro F1.

    The variance is the larger of two: the linearised one between groups, which knows how classes move together, and the
    sum of what the classes' own intervals say, which knows that a class of three groups, all right, is still uncertain.
    It is turned into an effective count for Wilson's interval.

    Args:
        numerators: [G, K] by group and class.
        denominators: [G, K]; a class whose denominators are all 0 takes no part.
        parts: the K ratios with their intervals.

    Returns:
        None where no class takes part.
    """
    kept = denominators.sum(0) > 0
    if not kept.any():
        return None
    numerators, denominators, classes = numerators[:, kept], denominators[:, kept], int(kept.sum())
    total, widths = denominators.sum(0), parts.high[kept] - parts.low[kept]
    ratios = numerators.sum(0) / total
    value = float(ratios.mean())
    groups = (denominators > 0).sum(0)
    if value in (0.0, 1.0):
        # Nothing varies. The classes' intervals, one-sided here, add up by squares (Donner and Zou 2012); classes whose
        # errors would be the same samples, as for F1, don't cancel so, and all groups together set a bound as well.
        reach = float(np.sqrt((widths**2).sum())) / classes
        low, high = wilson(np.array(value), np.array(float((denominators > 0).any(1).sum())))
        return Estimate(value, max(0.0, min(float(low), value - reach)), min(1.0, max(float(high), value + reach)))
    small = np.sqrt(groups / np.maximum(groups - 1, 1))  # few groups show less variance than there is
    influence = ((numerators - ratios * denominators) * small / total).sum(1) / classes
    own = ((widths / (2 * Z)) ** 2).sum() / classes**2
    samples = value * (1 - value) / max((influence**2).sum(), own)
    low, high = wilson(np.array(value), np.maximum(samples, 1.0))
    return Estimate(value, float(low), float(high))
