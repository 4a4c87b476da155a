"""Is one method better than another on the same samples? The difference, its interval, and an exact test.

The interval holds 0 where, and only where, the exact test tells no difference: see `_difference`.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import (
    Estimate,
    FloatArray,
    IntArray,
    Z,
    effective_samples,
    number_groups,
    student_quantile,
    sum_by_group,
)
from thawline.judging.wording import ALPHA, format_p, format_points, is_share
from thawline.screen import format_number

_STEPS = 100


@dataclass(frozen=True)
class PairedTest:
    """Two methods, a and b, judged on the same samples.

    Attributes:
        name_a: what a is called in the summary.
        name_b: what b is called.
        difference: accuracy of a less accuracy of b, between -1 and 1, with a 95 % interval.
        p_value: two-sided, above 0 and at most 1.
        method: the test's name in words.
        samples: how many samples both were judged on.
        groups: how many groups they come from.
        only_a_right: samples that a alone got right.
        only_b_right: samples that b alone got right.
        of: the figure whose difference it is; "mae": by how much the mean absolute error of b is above that of a.
    """

    name_a: str
    name_b: str
    difference: Estimate
    p_value: float
    method: str
    samples: int
    groups: int
    only_a_right: int
    only_b_right: int
    of: str = "accuracy"

    @property
    def n_discordant(self) -> int:
        """Samples that exactly one of the two got right."""
        return self.only_a_right + self.only_b_right

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart at the 5 % level."""
        return self.p_value < ALPHA

    def summary(self) -> str:
        """One plain sentence, the better method first."""
        how = f"{format_p(self.p_value)}, {self.method} over {self._over()}"
        one = self.difference
        if not self.differs:
            return (
                f"{self.name_a} and {self.name_b} cannot be told apart: the difference is {self._by(one, '+')}, {how}"
            )
        better, worse = self.name_a, self.name_b
        if one.value < 0:
            better, worse, one = worse, better, Estimate(-one.value, -one.high, -one.low)
        return f"{better} is better than {worse} by {self._by(one)}, {how}"

    def _by(self, one: Estimate, sign: str = "-") -> str:
        """A difference as it is printed."""
        if not is_share(self.of):
            most = max(abs(one.low), abs(one.high))
            value, low, high = (format_number(x, most, sign) for x in (one.value, one.low, one.high))
            return f"{value} of mean absolute error [{low}, {high}]"
        value, low, high = (format_points(x, sign) for x in (one.value, one.low, one.high))
        return f"{value} points [{low}, {high}]"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, the sentence among it."""
        return {**asdict(self), "summary": self.summary()}

    def _over(self) -> str:
        number, noun = (self.samples, "sample") if self.groups == self.samples else (self.groups, "group")
        return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def compare(
    labels: npt.ArrayLike,
    predictions_a: npt.ArrayLike,
    predictions_b: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    name_a: str = "a",
    name_b: str = "b",
) -> PairedTest:
    """Compare the predictions of two methods for the same samples.

    With every group of one sample the test is McNemar's exact one (McNemar 1947, exact form); otherwise all signs of a
    group are flipped together. Both are one exact computation, without resampling: see `sign_flip`.

    Args:
        labels: [N] true class of each sample.
        predictions_a: [N] class that method a says.
        predictions_b: [N] class that method b says.
        groups: [N] group of each sample.
        name_a: what to call a.
        name_b: what to call b.

    Raises:
        ValueError: the arrays differ in length or are empty.
    """
    truth, said_a, said_b = np.asarray(labels), np.asarray(predictions_a), np.asarray(predictions_b)
    numbers, count = number_groups(groups)
    if not len(truth) == len(said_a) == len(said_b) == len(numbers) or len(truth) == 0:
        raise ValueError(f"{len(truth)} labels, {len(said_a)} and {len(said_b)} predictions, {len(numbers)} groups")
    right_a, right_b = said_a == truth, said_b == truth
    gain = right_a.astype(np.float64) - right_b
    method = "McNemar's exact test" if count == len(truth) else "exact sign-flip test"
    return _test(gain, numbers, 1.0, method, name_a, name_b)


def compare_scores(
    scores_a: npt.ArrayLike,
    scores_b: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    name_a: str = "a",
    name_b: str = "b",
) -> PairedTest:
    """Compare two methods by a score that each has on every sample, 0 to 1; what is better counts as right.

    Groups' differences are tested in hundredths of a sample, or in finer steps where all are small, so that the
    distribution of their sum stays exact.

    Args:
        scores_a: [N] of method a.
        scores_b: [N] of method b.
        groups: [N] group of each sample.
        name_a: what to call a.
        name_b: what to call b.
    """
    gain = np.asarray(scores_a, np.float64) - np.asarray(scores_b, np.float64)
    numbers, _ = number_groups(groups)
    largest = float(np.abs(sum_by_group(gain, numbers)).max())
    steps = max(_STEPS, 2 * _STEPS / largest) if largest > 0 else _STEPS
    return _test(gain, numbers, steps, "exact sign-flip test", name_a, name_b)


def compare_errors(
    errors_a: npt.ArrayLike,
    errors_b: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    name_a: str = "a",
    name_b: str = "b",
) -> PairedTest:
    """Compare two methods by the absolute error that each has on every sample; the smaller one counts as right.

    All signs of a group's difference are flipped together, and these are told apart in two hundred steps up to the
    largest group's, so that the distribution of their sum stays exact. Scaling all errors changes no p-value.

    Args:
        errors_a: [N] of method a, 0 or more, in any unit.
        errors_b: [N] of method b, in the same.
        groups: [N] group of each sample.
        name_a: what to call a.
        name_b: what to call b.
    """
    gain = np.asarray(errors_b, np.float64) - np.asarray(errors_a, np.float64)
    numbers, _ = number_groups(groups)
    largest = float(np.abs(sum_by_group(gain, numbers)).max())
    net = np.round(2 * _STEPS * sum_by_group(gain, numbers) / (largest or 1.0)).astype(np.int64)
    p_value = sign_flip(net) if net.sum() * gain.sum() > 0 else 1.0
    return PairedTest(
        name_a=name_a,
        name_b=name_b,
        difference=_mean_difference(gain, numbers, p_value),
        p_value=p_value,
        method="exact sign-flip test",
        samples=len(gain),
        groups=int(numbers.max()) + 1,
        only_a_right=int((gain > 0).sum()),
        only_b_right=int((gain < 0).sum()),
        of="mae",
    )


def _mean_difference(gain: FloatArray, numbers: IntArray, p_value: float) -> Estimate:
    """The mean of gain [N] in any unit, with Student's interval over the effective count of samples.

    It agrees with `p_value`, that of an exact test for 0, as in `_difference`.
    """
    scaled = gain / (float(np.abs(gain).max()) or 1.0)
    sums, squares = sum_by_group(scaled, numbers), sum_by_group(scaled**2, numbers)
    samples = float(effective_samples(sums, squares, sum_by_group(np.ones(len(gain)), numbers)))
    value = float(gain.mean())
    half = student_quantile(max(samples - 1, 1.0)) * float(gain.std()) / math.sqrt(max(samples - 1, 1.0))
    return _agreeing(Estimate(value, value - half, value + half), p_value)


def _test(gain: FloatArray, numbers: IntArray, steps: float, method: str, name_a: str, name_b: str) -> PairedTest:
    """The test of the mean of gain [N], whose sums over groups [N] are flipped in `steps` to the unit."""
    net = np.round(steps * sum_by_group(gain, numbers)).astype(np.int64)
    # Rounding must not turn the sign that the interval has.
    p_value = sign_flip(net) if net.sum() * gain.sum() > 0 else 1.0
    return PairedTest(
        name_a=name_a,
        name_b=name_b,
        difference=_difference(gain, numbers, p_value),
        p_value=p_value,
        method=method,
        samples=len(gain),
        groups=int(numbers.max()) + 1,
        only_a_right=int((gain > 0).sum()),
        only_b_right=int((gain < 0).sum()),
    )


def sign_flip(net: IntArray) -> float:
    """Exact two-sided p-value of the sum of `net` [G] when each entry's sign is as likely + as -.

    The sum's distribution is built by convolution: d times a binomial for the groups whose entry is d or -d. So no
    signs are drawn, however many groups there are. With entries of 1 and -1 alone this is McNemar's exact test.
    """
    sizes, counts = np.unique(np.abs(net[net != 0]), return_counts=True)
    chances = np.ones(1)  # chances[u]: that the positive entries sum to u
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        steps = _coin_tosses(count)
        wider = np.zeros(len(chances) + size * count)
        for step, chance in enumerate(steps):
            wider[step * size : step * size + len(chances)] += chance * chances
        chances = wider
    sums = 2 * np.arange(len(chances)) - (len(chances) - 1)
    p_value = float(chances[np.abs(sums) >= abs(int(net.sum()))].sum())
    # Thousands of groups on one side round to 0, which no exact p-value is.
    return min(1.0, max(p_value, sys.float_info.min))


def _coin_tosses(count: int) -> FloatArray:
    """The chances [count + 1] of 0 to `count` heads: that of the middle by whole numbers, the others one by another."""
    middle = count // 2
    heads = np.arange(middle, 0, -1)
    rest = np.cumprod(heads / (count - heads + 1))
    few = np.concatenate([rest[::-1], [1.0]]) * (math.comb(count, middle) / 2**count)
    return np.concatenate([few, few[::-1][count % 2 == 0 :]])


def _difference(gain: FloatArray, numbers: IntArray, p_value: float) -> Estimate:
    """The mean of gain [N] in -1 to 1, with an interval that agrees with `p_value`, that of an exact test for 0.

    Bonett and Price's interval (2012) over the effective count of samples. It is approximate, and now and then holds 0
    where the exact test tells a difference, or the other way round. There its bound beside 0 gives way to the one that
    the p-value implies (Miettinen 1976: in standard errors of value / z), so that 0 is judged by the exact test, and
    every other difference by the interval.
    """
    sizes = sum_by_group(np.ones(len(gain)), numbers)
    samples = float(effective_samples(sum_by_group(gain, numbers), sum_by_group(gain**2, numbers), sizes))
    # One sample is added to each kind of disagreement, so that no interval shrinks to a point.
    value = float(gain.mean())
    centre = value * samples / (samples + 2)
    square = (float((gain**2).mean()) * samples + 2) / (samples + 2)
    half = Z * math.sqrt((square - centre**2) / (samples + 2))
    low, high = max(-1.0, min(value, centre - half)), min(1.0, max(value, centre + half))
    return _agreeing(Estimate(value, low, high), p_value)


def _agreeing(found: Estimate, p_value: float) -> Estimate:
    """The interval of a difference, whose bound beside 0 is the p-value's where the two disagree; see `_difference`."""
    from scipy.special import ndtri  # late: a fifth of a second; all of SciPy's statistics take one

    value, low, high = found.value, found.low, found.high
    differs = p_value < ALPHA
    if (low > 0 or high < 0) != differs:
        z = float(-ndtri(p_value / 2))
        size, far = abs(value), high if value > 0 else -low
        near = max(size * (1 - Z / z), -far) if z > 0 else -far
        near = max(near, sys.float_info.min) if differs else min(near, 0.0)
        low, high = (near, high) if value > 0 else (low, -near)
    return Estimate(value, low, high)
