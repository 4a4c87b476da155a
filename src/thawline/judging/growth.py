"""How a figure grows with the number of samples: a power law, and how far it can be believed beyond what is there.

A figure's shortfall from 1 is taken as c + a s^-b of the collection's relative size s, where c is what no number of
samples would mend (Cortes, Jackel, Solla, Vapnik and Denker 1993; Figueroa, Zeng-Treitler, Kandula and Ngo 2012 on
forecasts with intervals; Viering and Loog, arXiv 2103.10948, on when curves are of another shape).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thawline.judging.intervals import Estimate, FloatArray, Z

# The exponents that are tried: curves of errors fall with 0.07 to about 1 (Hestness and others, arXiv 1712.00409).
_EXPONENTS = np.linspace(0.1, 1.5, 57)


@dataclass(frozen=True)
class Laws:
    """Power laws of a figure: that of what was measured, and those of resamples of it.

    Attributes:
        limits: What each comes to without end, [1 + resamples].
        factors: How far each is from that with the whole collection, 0 or more, [1 + resamples].
        exponents: How fast that shrinks, [1 + resamples].
    """

    limits: FloatArray
    factors: FloatArray
    exponents: FloatArray

    def at(self, size: float) -> FloatArray:
        """Each law's figure with `size` times the collection, which may be infinite, [1 + resamples]."""
        if np.isinf(size):
            return self.limits
        at: FloatArray = self.limits - self.factors * size**-self.exponents
        return at


@dataclass(frozen=True)
class Growth:
    """A figure by the size of the collection.

    Attributes:
        sizes: Relative sizes that were measured, the whole collection's, 1, the last, [S].
        values: The figure at each, [S].
        whole: The figure with the whole collection, and its interval as it is judged.
        gained: The difference between the whole and half the collection, measured on the same samples.
        luck: The standard deviation of the figure over collections as large as the whole that might be trained on.
        laws: The power laws.
    """

    sizes: FloatArray
    values: FloatArray
    whole: Estimate
    gained: Estimate
    luck: float
    laws: Laws

    def forecast(self, size: float) -> Estimate:
        """The figure with `size` times the collection, which may be infinite; at least 1.

        The interval adds up, by squares, how well the figure is known today, how much it owes to which samples happened
        to be trained on, and how well what is gained from today on is known (Zou and Donner 2008).
        """
        all_at, all_now = self.laws.at(size), self.laws.at(1.0)
        value, now = float(all_at[0]), float(all_now[0])
        gains = all_at[1:] - all_now[1:]
        low, high = (float(one) for one in np.quantile(gains, (0.025, 0.975)))
        luck = Z * self.luck
        below = math.hypot(self.whole.value - self.whole.low, luck, max(0.0, value - now - low))
        above = math.hypot(self.whole.high - self.whole.value, luck, max(0.0, high - value + now))
        return Estimate(value, max(0.0, value - below), min(1.0, value + above))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "sizes": self.sizes.tolist(),
            "values": self.values.tolist(),
            "whole": self.whole.to_json(),
            "gained_by_the_second_half": self.gained.to_json(),
            "law": {
                "limit": float(self.laws.limits[0]),
                "factor": float(self.laws.factors[0]),
                "exponent": float(self.laws.exponents[0]),
            },
            "twice": self.forecast(2.0).to_json(),
            "four_times": self.forecast(4.0).to_json(),
            "without_end": self.forecast(float("inf")).to_json(),
        }


def fit_laws(sizes: FloatArray, values: FloatArray) -> Laws:
    """The power laws of least squares through figures [K, S] at relative sizes [S].

    Larger sizes weigh more, by their size: what subsets are drawn matters less there.
    """
    errors, weights = 1 - values, sizes / sizes.sum()
    best = np.full(len(values), np.inf)
    found = np.zeros((3, len(values)))
    for exponent in _EXPONENTS:
        shrunk = sizes**-exponent
        mean = (weights * shrunk).sum()
        centred = shrunk - mean
        factor = np.maximum((errors * weights * centred).sum(axis=1) / (weights * centred**2).sum(), 0.0)
        rest = (weights * errors).sum(axis=1) - factor * mean
        # Nothing is better than without error.
        alone = (errors * weights * shrunk).sum(axis=1) / (weights * shrunk**2).sum()
        factor, rest = np.where(rest < 0, alone, factor), np.maximum(rest, 0.0)
        left = (weights * (errors - rest[:, None] - factor[:, None] * shrunk) ** 2).sum(axis=1)
        better = left < best - 1e-15
        best = np.where(better, left, best)
        found = np.where(better, np.stack([1 - rest, factor, np.full(len(values), exponent)]), found)
    return Laws(*found)


def luck_of(sizes: FloatArray, values: Sequence[FloatArray]) -> float:
    """The standard deviation of a figure over collections of size 1, by draws of part of one such.

    The variance over draws of size s is taken as k (1 - s) / s, that of drawing without replacement; k is what is asked
    for. The draws of one size are averaged over those sizes that leave out at least half.

    Args:
        sizes: Relative sizes, [S].
        values: At each, the figure of each draw.
    """
    found = [
        float(np.var(drawn, ddof=1)) * size / (1 - size)
        for size, drawn in zip(sizes, values, strict=True)
        if size < 0.6 and len(drawn) > 1
    ]
    return math.sqrt(float(np.mean(found))) if found else 0.0
