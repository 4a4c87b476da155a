"""What is said of any collection whose samples have scores: how these are distributed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from thawline.screen import format_number, say

_BARS = 10
_WIDTH = 30


def score_entry(scores: npt.NDArray[np.float64]) -> dict[str, Any]:
    """The distribution of scores [N], as plain JSON: range, quartiles, mean, how many lie in each part of the range.

    Of few different scores each has its own count.
    """
    values, counts = np.unique(scores, return_counts=True)
    low = high = values
    if len(values) > _BARS:
        counts, edges = np.histogram(scores, bins=_BARS)
        low, high = edges[:-1], edges[1:]
    return {
        "least": float(scores.min()),
        "quartiles": np.quantile(scores, (0.25, 0.5, 0.75)).tolist(),
        "most": float(scores.max()),
        "mean": float(scores.mean()),
        "deviation": float(scores.std()),
        "different": len(values),
        "histogram": {"from": low.tolist(), "to": high.tolist(), "counts": counts.tolist()},
    }


def print_score_line(told: Mapping[str, Any], console: Console) -> None:
    """Show a line on an entry that `score_entry` made."""
    least, most, mean, deviation = (_as_text(told, told[key]) for key in ("least", "most", "mean", "deviation"))
    say(
        console,
        f"scores from {least} to {most}, mean {mean}, standard deviation {deviation}; {told['different']} different",
    )


def print_scores(told: Mapping[str, Any], console: Console) -> None:
    """Show that line, the quartiles, and a bar for each part of the range."""
    print_score_line(told, console)
    say(console, f"quartiles {', '.join(_as_text(told, each) for each in told['quartiles'])}")
    bars = told["histogram"]
    ends = [[_as_text(told, each) for each in bars[key]] for key in ("from", "to")]
    parts = [low if low == high else f"{low} to {high}" for low, high in zip(*ends, strict=True)]
    for part, count in zip(parts, bars["counts"], strict=True):
        bar = "#" * round(_WIDTH * count / max(bars["counts"]))
        say(console, f"  {part:>{max(map(len, parts))}}  {count:6}  {bar}".rstrip())


def _as_text(told: Mapping[str, Any], value: float) -> str:
    return format_number(value, max(abs(told["least"]), abs(told["most"])))
