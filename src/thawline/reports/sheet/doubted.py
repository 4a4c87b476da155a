"""The samples that a run judged, the likeliest to have a wrong label first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.data.tables.reading import write_rows
from thawline.files import printable
from thawline.judging.label_quality import ANOTHER, judge_labels
from thawline.runs.predictions import Predictions

COLUMNS = ("rank", "path", "label", "probability", "likely", "likely_probability", "doubt")
_SHOWN = 10


@dataclass(frozen=True)
class Doubted:
    """A sample and what is to be thought of its label.

    Attributes:
        rank: 1 for the likeliest to be wrong.
        path: Relative to the collection's folder.
        label: Its class.
        probability: Of that class, by a fit that had not seen the sample.
        likely: The most probable other class.
        likely_probability: Of that.
        doubt: `another class`, `unsure`, or nothing; see `judging.label_quality`.
    """

    rank: int
    path: str
    label: str
    probability: float
    likely: str
    likely_probability: float
    doubt: str


def list_doubts(p: Predictions) -> list[Doubted]:
    """All samples of `p`, each once, the likeliest to have a wrong label first."""
    once = _once(p)
    found = judge_labels(once.labels, once.probabilities)
    doubts = []
    for rank, i in enumerate(found.order.tolist(), start=1):
        own, other = int(once.labels[i]), int(found.likely[i])
        shares = once.probabilities[i]
        called = once.classes[own], float(shares[own]), once.classes[other], float(shares[other])
        doubts.append(Doubted(rank, once.paths[i], *called, found.doubt(i)))
    return doubts


def first_of(doubts: Sequence[Doubted], share: float) -> list[Doubted]:
    """The first `share` of them, at least one."""
    return list(doubts[: max(1, math.ceil(share * len(doubts) - 1e-9))])


def write_doubts(path: Path, doubts: Sequence[Doubted]) -> None:
    """Write them as a table, a row each."""
    rows = (
        (
            one.rank,
            printable(one.path),
            one.label,
            f"{one.probability:.4f}",
            one.likely,
            f"{one.likely_probability:.4f}",
            one.doubt,
        )
        for one in doubts
    )
    write_rows(path, COLUMNS, rows)


def write_proposals(path: Path, doubts: Sequence[Doubted], by: str, when: date) -> int:
    """Write the likely classes of those that are likely another's as corrections, for a person to go through.

    Returns:
        How many these are.
    """
    proposed = [one for one in doubts if one.doubt == ANOTHER]
    rows = [(printable(one.path), one.likely, when.isoformat(), by) for one in proposed]
    write_rows(path, ("path", "label", "when", "by"), rows)
    return len(rows)


def print_doubts(doubts: Sequence[Doubted], console: Console, noun: str) -> None:
    """Print the first ten: what each is called, and what it likely is."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(noun, overflow="fold", ratio=1)
    for heading in ("label", "likely"):
        table.add_column(heading, overflow="fold", max_width=22)
    table.add_column("doubt", no_wrap=True)
    for one in doubts[:_SHOWN]:
        called = (f"{one.label} {_percent(one.probability)}", f"{one.likely} {_percent(one.likely_probability)}")
        table.add_row(Text(printable(one.path)), *map(Text, map(printable, called)), one.doubt or "-")
    console.print(table)


def counts(doubts: Sequence[Doubted]) -> Mapping[str, int]:
    """How many there are of each doubt."""
    found: dict[str, int] = {}
    for one in doubts:
        found[one.doubt] = found.get(one.doubt, 0) + 1
    return found


def _once(p: Predictions) -> Predictions:
    """`p` with each sample once: what several seeds said of one is averaged."""
    paths, first, number = np.unique(np.array(p.paths, dtype=object), return_index=True, return_inverse=True)
    if len(paths) == len(p.paths):
        return p
    sums = np.zeros((len(paths), len(p.classes)))
    np.add.at(sums, number, p.probabilities)
    means = (sums / np.bincount(number)[:, None]).astype(np.float32)
    return replace(p.subset(first.astype(np.int64)), probabilities=means)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
