"""What is said of samples that can have several classes, on the console."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from thawline.judging.intervals import Estimate
from thawline.judging.metrics import call
from thawline.judging.wording import percent
from thawline.screen import say


def print_examined_tags(examined: Mapping[str, Any], console: Console) -> None:
    """Show what the base rates alone reach, the test of each label, thresholds, and what can't be learnt."""
    for line in _lines(examined):
        say(console, line)


def _lines(examined: Mapping[str, Any]) -> Iterator[str]:
    rates = ((call(key), value) for key, value in examined["base_rates"].items() if value is not None)
    yield f"base rates alone: {'; '.join(f'{name} {100 * value:.1f}' for name, value in rates)}"
    yield f"labels that were rightly said or left: {examined['labels_against_baseline']['summary']}"
    for name, one in examined["per_class"].items():
        yield f"average precision of {name} {_percent(one['average_precision'])}"
    for fold, thresholds in examined["thresholds"].items():
        values = ", ".join(f"{name} {value:.2f}" for name, value in thresholds.items())
        yield f"{fold}: thresholds {values}"
    for fold, labels in examined["not_trained_on"].items():
        yield f"{fold}: no sample that is trained on has {', '.join(labels)}"


def _percent(estimate: Mapping[str, float] | None) -> str:
    return percent(Estimate(**estimate) if estimate else None)
