"""Which classes a method that goes by prompts confuses, and which prompts were chosen against that."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.encoders.settings import Gift
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.judging.intervals import Estimate, proportion
from thawline.judging.wording import percent
from thawline.runs.predictions import Predictions
from thawline.screen import say
from thawline.tasks.photos.bundle.abstaining import show_answered
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.prompts import PROMPTS

_MOST_CONFUSED, _MOST_PROMPTS = 5, 20


def examine_photos(
    problem: PhotosProblem, judged: Sequence[tuple[Fold, FittedTail]], predictions: Predictions, _device: torch.device
) -> dict[str, Any] | None:
    """What there is to say of `predictions`, see `tasks.capabilities.examine`; None of a method that needs no text."""
    if Gift.TEXT not in problem.settings.method.needs or predictions.tags is not None:
        return None
    chosen = {fold.name: fit.chosen[PROMPTS] for fold, fit in judged if PROMPTS in fit.chosen}
    said: dict[str, Any] = {"confused": confused_classes(predictions)}
    if chosen and problem.prompts is not None:
        given = problem.prompts.taken()
        of = [problem.classes[one] for one in given.class_of_prompt.tolist()]
        texts = {
            name: [text for text, one in zip(given.texts, of, strict=True) if one == name] for name in chosen_of(chosen)
        }
        said[PROMPTS] = {"given": texts, "chosen": chosen}
    return said


def chosen_of(chosen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The classes that prompts were chosen for."""
    return list(next(iter(chosen.values())))


def confused_classes(p: Predictions) -> list[dict[str, Any]]:
    """The pairs of classes of which one is called the other most often, by the share of its samples."""
    pairs: list[dict[str, Any]] = []
    for true, name in enumerate(p.classes):
        mine = p.labels == true
        for said, other in enumerate(p.classes):
            wrong = p.said[mine] == said
            if said != true and wrong.any():
                share = proportion(wrong, p.groups[mine])
                pairs.append({"class": name, "called": other, "count": int(wrong.sum()), "share": share.to_json()})
    return sorted(pairs, key=lambda one: -one["share"]["value"])[:_MOST_CONFUSED]


def show_photos(examined: Mapping[str, Any], console: Console) -> None:
    """Print what `examine_photos` says, or what a bundle that does not always answer does."""
    if "answered" in examined:
        show_answered(examined, console)
    confused = examined.get("confused", [])
    if confused:
        shown = (f"{one['class']} as {one['called']} {percent(Estimate(**one['share']))} %" for one in confused)
        say(console, f"confused most: {'; '.join(shown)}")
    if PROMPTS in examined:
        _show_choice(examined[PROMPTS], console)


def _show_choice(told: Mapping[str, Any], console: Console) -> None:
    """Each prompt that was taken in or left out in some fold, and what it was worth by itself."""
    chosen, folds = told["chosen"], len(told["chosen"])
    rows = []
    for name, given in told["given"].items():
        for text in next(iter(chosen.values()))[name]["gains"]:
            times = sum(text in one[name]["used"] for one in chosen.values())
            gains = [one[name]["gains"][text]["value"] for one in chosen.values() if one[name]["gains"].get(text)]
            if times < folds if text in given else times > 0:
                rows.append((name, text, text in given, times, float(np.mean(gains)) if gains else None))
    if not rows:
        say(console, "prompts: no change makes zero-shot better by more than its standard error on training photos")
        return
    rows.sort(key=lambda row: (row[0], row[2], -row[3]))
    table = Table(
        title=Text("prompts that were taken in, or of those given left out, by the training photos of each fold"),
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("class", overflow="fold")
    table.add_column("prompt", overflow="fold", ratio=1)
    for heading in ("", "used in", "log loss alone"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, text, was_given, times, gain in rows[:_MOST_PROMPTS]:
        # Of one that is left out, the change that this makes.
        change = "-" if gain is None else f"{-gain:+.3f}"
        table.add_row(Text(name), Text(text), "given" if was_given else "", f"{times} of {folds}", change)
    console.print(table)
    if len(rows) > _MOST_PROMPTS:
        say(console, f"… and {len(rows) - _MOST_PROMPTS} more in metrics.json")
