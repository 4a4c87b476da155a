"""What is said of image–text pairs besides accuracy, on the console."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from thawline.judging.intervals import Estimate
from thawline.judging.wording import percent
from thawline.screen import say

# From here on the difference between what was trained on and what was held out is named.
_GAP = 0.1
_RETRIEVAL = {"image_to_text": "the right text of an image", "text_to_image": "the right image of a text"}


def print_examined_pairs(examined: Mapping[str, Any], console: Console) -> None:
    """Show what there is of ranking, thresholds, difficulties, retrieval, and a gap to the training pairs."""
    for line in _lines(examined):
        say(console, line)


def _lines(examined: Mapping[str, Any]) -> Iterator[str]:
    if examined.get("zero_shot"):
        yield f"zero-shot: {_ranking(examined['zero_shot'])}"
    if examined.get("groups") == "images":
        yield (
            "intervals are over images: texts that several images share tie these together, so they are somewhat too "
            "narrow"
        )
    for fold, count in examined.get("set_aside", {}).items():
        if count:
            yield f"{fold}: {count} pairs were not trained on, since their text is held out or chosen by"
    for fold, threshold in examined["thresholds"].items():
        yield _threshold(fold, threshold)
    for name, one in examined.get("by_difficulty", {}).items():
        yield f"difficulty {name}: accuracy {_percent(one['accuracy'])} of {one['pairs']} pairs"
    if examined.get("retrieval"):
        yield from _retrieval(examined["retrieval"])
    if examined.get("learnt") and examined["learnt"]["gap"] > _GAP:
        learnt = examined["learnt"]
        yield (
            f"gap: {100 * learnt['train_accuracy']:.1f} % of the pairs on the training side are right, and "
            f"{100 * learnt['held_out_accuracy']:.1f} % of those held out: much was learnt by heart; try fewer epochs, "
            "a smaller method.lr or more pairs"
        )


def _ranking(examined: Mapping[str, Any]) -> str:
    return f"ROC AUC {_percent(examined['roc_auc'])}, average precision {_percent(examined['average_precision'])}"


def _threshold(fold: str, threshold: Mapping[str, Any]) -> str:
    said = f"{fold}: a match from probability {threshold['value']:.3f} on, fitted for {threshold['balance']}"
    attained = f"{100 * threshold['attained']:.1f} % where it was fitted"
    return f"{said} ({attained})" if threshold["held"] else f"{said}, which was not reached ({attained})"


def _retrieval(retrieval: Mapping[str, Any]) -> Iterator[str]:
    sizes = ", ".join(f"{i} images and {t} texts" for i, t in zip(retrieval["images"], retrieval["texts"], strict=True))
    for name, said in _RETRIEVAL.items():
        figures = ", ".join(f"first {depth}: {_percent(one)}" for depth, one in retrieval[name].items())
        yield f"{said} among {sizes}: {figures}"


def _percent(estimate: Mapping[str, float] | None) -> str:
    return percent(Estimate(**estimate) if estimate else None)
