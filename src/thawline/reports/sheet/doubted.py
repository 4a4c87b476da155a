"""The samples that a run judged, the likeliest to have a wrong label first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.data.tables.reading import write_rows
from thawline.files import printable
from thawline.judging.label_quality import ANOTHER, UNSURE, judge_label_sets, judge_labels
from thawline.runs.predictions import Predictions

_SHOWN = 10


def percent(share: float) -> str:
    """A share as it is shown."""
    return f"{100 * share:.0f} %"


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

    columns: ClassVar[tuple[str, ...]] = (
        *("rank", "path", "label", "probability", "likely", "likely_probability", "doubt"),
    )
    headings: ClassVar[tuple[str, ...]] = ("label", "likely", "doubt")

    @property
    def row(self) -> tuple[str | int, ...]:
        """What the table has, by `columns`."""
        own, other = f"{self.probability:.4f}", f"{self.likely_probability:.4f}"
        return self.rank, printable(self.path), self.label, own, self.likely, other, self.doubt

    @property
    def shown(self) -> tuple[str, ...]:
        """What is printed, by `headings`."""
        called = f"{self.label} {percent(self.probability)}", f"{self.likely} {percent(self.likely_probability)}"
        return *called, self.doubt or "-"

    @property
    def proposed(self) -> str:
        """What to call it instead; "" where nothing is proposed."""
        return self.likely if self.doubt == ANOTHER else ""


@dataclass(frozen=True)
class DoubtedSet:
    """A sample that can have several labels and what is to be thought of them.

    Attributes:
        rank: 1 for the likeliest to be wrong.
        path: Relative to the collection's folder.
        labels: All that it has of those that are told.
        quality: Of all of them, by a fit that had not seen the sample; see `judging.label_quality`.
        wrong: Those of its labels that are likely wrong.
        missing: Those that it likely has too.
        probabilities: Of each label that is told, by itself.
    """

    rank: int
    path: str
    labels: tuple[str, ...]
    quality: float
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    probabilities: Mapping[str, float]

    columns: ClassVar[tuple[str, ...]] = ("rank", "path", "label", "quality", "wrong", "missing", "likely")
    headings: ClassVar[tuple[str, ...]] = ("labels", "likely wrong", "likely missing")

    @property
    def likely(self) -> tuple[str, ...]:
        """Its labels without those that are likely wrong, and with those that are likely missing."""
        return tuple(sorted({*self.labels, *self.missing} - {*self.wrong}))

    @property
    def row(self) -> tuple[str | int, ...]:
        """What the table has, by `columns`."""
        sets = ("|".join(each) for each in (self.wrong, self.missing, self.likely))
        return self.rank, printable(self.path), "|".join(self.labels), f"{self.quality:.4f}", *sets

    @property
    def shown(self) -> tuple[str, ...]:
        """What is printed, by `headings`."""
        wrong, missing = (
            ", ".join(f"{label} {percent(self.probabilities[label])}" for label in each) or "-"
            for each in (self.wrong, self.missing)
        )
        return ", ".join(self.labels), wrong, missing

    @property
    def proposed(self) -> str:
        """What to call it instead; "" where nothing is proposed, since nothing is in doubt or nothing likely."""
        return "|".join(self.likely) if self.wrong or self.missing else ""


AnyDoubted = Doubted | DoubtedSet


def list_doubts(p: Predictions) -> Sequence[AnyDoubted]:
    """All samples of `p`, each once, the likeliest to have a wrong label first."""
    once = _once(p)
    return _list_sets(once, once.tags.true) if once.tags is not None else _list_single(once)


def _list_sets(once: Predictions, true: npt.NDArray[np.bool_]) -> list[DoubtedSet]:
    found = judge_label_sets(true, once.probabilities)
    names = np.array(once.classes, dtype=object)
    doubts = []
    for rank, i in enumerate(found.order.tolist(), start=1):
        own, doubted = true[i], found.doubted[i]
        labels, wrong, missing = (tuple(names[each]) for each in (own, own & doubted, ~own & doubted))
        shares = dict(zip(once.classes, once.probabilities[i].tolist(), strict=True))
        doubts.append(DoubtedSet(rank, once.paths[i], labels, float(found.quality[i]), wrong, missing, shares))
    return doubts


def _list_single(once: Predictions) -> list[Doubted]:
    found = judge_labels(once.labels, once.probabilities)
    doubts = []
    for rank, i in enumerate(found.order.tolist(), start=1):
        own, other = int(once.labels[i]), int(found.likely[i])
        shares = once.probabilities[i]
        called = once.classes[own], float(shares[own]), once.classes[other], float(shares[other])
        doubts.append(Doubted(rank, once.paths[i], *called, found.doubt(i)))
    return doubts


def first_of(doubts: Sequence[AnyDoubted], share: float) -> list[AnyDoubted]:
    """The first `share` of them, at least one."""
    return list(doubts[: max(1, math.ceil(share * len(doubts) - 1e-9))])


def write_doubts(path: Path, doubts: Sequence[AnyDoubted]) -> None:
    """Write them as a table, a row each."""
    write_rows(path, doubts[0].columns, (one.row for one in doubts))


def write_proposals(path: Path, doubts: Sequence[AnyDoubted], by: str, when: date) -> int:
    """Write what is proposed of those in doubt as corrections, for a person to go through.

    Returns:
        How many these are.
    """
    rows = [(printable(one.path), one.proposed, when.isoformat(), by) for one in doubts if one.proposed]
    write_rows(path, ("path", "label", "when", "by"), rows)
    return len(rows)


def print_doubts(doubts: Sequence[AnyDoubted], console: Console, noun: str) -> None:
    """Print the first ten: what each is called, and what it likely is."""
    *others, last = doubts[0].headings
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(noun, overflow="fold", ratio=1)
    for heading in others:
        table.add_column(heading, overflow="fold", max_width=22)
    narrow = last == "doubt"
    table.add_column(last, no_wrap=narrow, overflow="fold", max_width=None if narrow else 22)
    for one in doubts[:_SHOWN]:
        table.add_row(Text(printable(one.path)), *map(Text, map(printable, one.shown)))
    console.print(table)


def count_doubts(doubts: Sequence[AnyDoubted]) -> str:
    """How many there are of each doubt, a sentence."""
    sets = [one for one in doubts if isinstance(one, DoubtedSet)]
    if sets:
        wrong, missing = sum(bool(one.wrong) for one in sets), sum(bool(one.missing) for one in sets)
        return f"on {wrong} of these a label is likely wrong, on {missing} one is likely missing"
    found = Counter(one.doubt for one in doubts if isinstance(one, Doubted))
    return (
        f"{found[ANOTHER]} of these are likely of another class; of {found[UNSURE]} no class is sure: photos of none "
        "of the classes may be among them"
    )


def _once(p: Predictions) -> Predictions:
    """`p` with each sample once: what several seeds said of one is averaged."""
    paths, first, number = np.unique(np.array(p.paths, dtype=object), return_index=True, return_inverse=True)
    if len(paths) == len(p.paths):
        return p
    sums = np.zeros((len(paths), len(p.classes)))
    np.add.at(sums, number, p.probabilities)
    means = (sums / np.bincount(number)[:, None]).astype(np.float32)
    return replace(p.subset(first.astype(np.int64)), probabilities=means)
