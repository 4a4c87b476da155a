"""How many more samples a gate takes, by how its figure grows with them, and whether more will help at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thawline.decisions.gates import MET, Gate, Verdict, count_at
from thawline.errors import UserError
from thawline.judging.growth import Growth
from thawline.judging.intervals import Estimate, wilson

MORE, FAR, NEVER = "more", "far", "never"
MOST = 10.0  # times the collection: beyond, a law fitted to it says nothing
_SIZES = np.geomspace(1.0, MOST, 461)


@dataclass(frozen=True)
class Outlook:
    """What it takes to reach a gate.

    Attributes:
        gate: The gate.
        verdict: `met` today; `more`: with more samples; `far`: not with ten times as many; `never`: not with any number
            of them, by the whole of the forecast's interval.
        growth: How its figure grows.
        samples: How many there are today that it counts: of its class, or of all.
        more: How many more would do; None where ten times as many don't, or none are needed.
        fewest: The same at best, by the interval.
        most: The same at worst.
    """

    gate: Gate
    verdict: str
    growth: Growth
    samples: int
    more: int | None = None
    fewest: int | None = None
    most: int | None = None

    @property
    def within_noise(self) -> bool:
        """Whether what the second half of the samples gained can't be told from nothing."""
        return self.growth.gained.low <= 0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "figure": self.gate.figure,
            "class": self.gate.label,
            "wanted": self.gate.wanted,
            "verdict": self.verdict,
            "samples": self.samples,
            "more": self.more,
            "fewest": self.fewest,
            "most": self.most,
            "second_half_within_noise": self.within_noise,
        }


def look_out(verdict: Verdict, by: str, grown: Mapping[tuple[str, str | None], Growth], samples: int) -> Outlook:
    """What it takes to reach a gate, all classes growing alike.

    By the lower bound it takes the figure, and samples to show it by: these are taken to grow with the collection.

    Args:
        verdict: How the gate stands today.
        by: What must reach it: `low` or `value`.
        grown: How the figures grow, by name and class.
        samples: How many there are that its figure counts, of its class or of all.

    Raises:
        UserError: The gate's figure is not forecast.
    """
    gate = verdict.gate
    growth = grown.get((gate.figure, gate.label))
    if growth is None:
        known = ", ".join(dict.fromkeys(figure for figure, _ in grown))
        raise UserError(f"the gate '{gate.called}' can't be forecast; what can be is {known}")
    if verdict.verdict == MET:
        return Outlook(gate, MET, growth, samples)
    count = _effective_count(growth.whole, verdict.samples)

    def reaches(figure: float, size: float) -> bool:
        low = (
            figure if by == "value" or math.isinf(size) else float(wilson(np.array(figure), np.array(count * size))[0])
        )
        return low >= gate.wanted

    forecasts = [(float(size), growth.forecast(float(size))) for size in _SIZES]
    needed = [_first(forecasts, pick, reaches) for pick in _CASES]
    more, fewest, most = (None if size is None else max(1, math.ceil((size - 1) * samples)) for size in needed)
    if more is not None:
        return Outlook(gate, MORE, growth, samples, more, fewest, most)
    end = growth.forecast(math.inf)
    verdict_then = FAR if fewest is not None or reaches(end.high, math.inf) else NEVER
    return Outlook(gate, verdict_then, growth, samples, None, fewest, None)


# What a forecast comes to as it is, at best and at worst.
_CASES: tuple[Callable[[Estimate], float], ...] = (
    lambda one: one.value,
    lambda one: one.high,
    lambda one: one.low,
)


def _first(
    forecasts: list[tuple[float, Estimate]],
    pick: Callable[[Estimate], float],
    reaches: Callable[[float, float], bool],
) -> float | None:
    """The smallest size at which what `pick` takes of the forecast reaches the gate."""
    return next((size for size, one in forecasts if reaches(pick(one), size)), None)


def _effective_count(estimate: Estimate, samples: int) -> float:
    """How many independent samples the interval of a figure stands for."""
    bound = estimate.low if 0 < estimate.low < estimate.value else estimate.high
    return count_at(estimate.value, bound) if 0 < bound < 1 and bound != estimate.value else float(samples)
