"""What is said of samples that can have several classes, on the console."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from thawline.judging.intervals import Estimate
from thawline.reports.tables import percent

_FIGURES = {"micro_f1": "micro F1", "macro_f1": "macro F1", "mean_average_precision": "mean average precision"}


def print_examined_tags(examined: Mapping[str, Any], console: Console) -> None:
    """Show F1 and average precision beside those of the base rates, thresholds, and what can't be learnt."""
    for line in _lines(examined):
        console.print(Text(line), soft_wrap=True)


def _lines(examined: Mapping[str, Any]) -> Iterator[str]:
    yield "; ".join(
        f"{name} {_percent(examined[key])}{_base(examined['base_rates'][key])}" for key, name in _FIGURES.items()
    )
    yield f"overlap of what is said with what is so (Jaccard): {examined['overlap_against_baseline']['summary']}"
    yield f"labels that were rightly said or left: {examined['labels_against_baseline']['summary']}"
    each = (f"{name} {_percent(one['average_precision'])}" for name, one in examined["per_class"].items())
    yield f"average precision: {', '.join(each)}"
    for fold, thresholds in examined["thresholds"].items():
        values = ", ".join(f"{name} {value:.2f}" for name, value in thresholds.items())
        yield f"{fold}: thresholds {values}"
    for fold, labels in examined["not_trained_on"].items():
        yield f"{fold}: no sample that is trained on has {', '.join(labels)}"


def _base(value: float | None) -> str:
    return "" if value is None else f" (base rates {100 * value:.1f})"


def _percent(estimate: Mapping[str, float] | None) -> str:
    return percent(Estimate(**estimate) if estimate else None)
