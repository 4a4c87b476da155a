"""What is compared: runs and settings with their predictions, ranked and tested within boards of equal samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from thawline.data.pairs.table import Pair
from thawline.judging.metrics import Judgement
from thawline.judging.paired import PairedTest
from thawline.reports.importances import Importance
from thawline.reports.swept import SweptTrial
from thawline.runs.finished import SAMPLES
from thawline.runs.predictions import Predictions
from thawline.targets.leaderboard import Row
from thawline.targets.predicted import compare_baseline, compare_said, judge_answers, judge_baseline, judge_said


@dataclass(frozen=True)
class Entry:
    """One thing to compare: a run, what a sweep chose, one setting of a sweep, or another system.

    Attributes:
        name: What it is called; no two entries of a comparison share a name.
        label: What it is called in its own board.
        method: The method that its run names; another system's own name.
        encoder: The encoder that its run names; "" for another system.
        baseline: The name of what it is tested against.
        directories: The run directories behind it: one for each seed of a sweep's setting, the chosen trials of a
            sweep, none of another system.
        config: The config, flattened; nothing where several were chosen from.
        predictions: What it said of each sample; paths are in one Unicode form.
        kind: What the samples are called: photos, pairs, tracks.
        photos: The folder that the predictions' paths are relative to; None where nobody knows.
        pairs: The image and the text of each sample, by its path, where samples are pairs.
        examined: What its task says of it besides what is said of any classes.
        corrected: Whether a table of corrections lay over the labels that it was fitted and judged by.
        certain: Whether its probabilities are given; another system only says a class.
        swept: The values of what was varied, by key.
        seconds: Wall time; None where nobody measured it.
        computed: Features computed.
        read: Features read from the store.
        price: Price for 1,000 photos, if one was given.
        currency: What that is in; "" where it was not said.
        notes: What to mind, a sentence each.
    """

    name: str
    label: str
    method: str
    encoder: str
    baseline: str
    directories: tuple[Path, ...]
    config: dict[str, Any]
    predictions: Predictions
    kind: str = SAMPLES
    photos: Path | None = None
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    examined: Mapping[str, Any] = field(default_factory=dict)
    corrected: bool = False
    certain: bool = True
    swept: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    computed: int = 0
    read: int = 0
    price: float | None = None
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def priced(self) -> str | None:
        """The price as it is shown; None where there is none."""
        return None if self.price is None else f"{self.price:,.2f} {self.currency}".rstrip()


@dataclass(frozen=True)
class Line:
    """An entry's place in a board.

    Attributes:
        entry: Who.
        judgement: How good it is.
        baseline: How good its baseline is on the same samples.
        against_best: Its test against the board's best run on the samples that both have; None for that run itself,
            and where they share none.
        against_baseline: Its test against its baseline.
    """

    entry: Entry
    judgement: Judgement
    baseline: Judgement
    against_best: PairedTest | None
    against_baseline: PairedTest


@dataclass(frozen=True)
class Board:
    """Entries that were judged on the same samples, the best first.

    Attributes:
        title: What it shows.
        note: How its numbers are to be read.
        lines: The entries.
        rows: The sweep's own leaderboard, where the board is one.
        failed: The sweep's trials that did not finish, a sentence each.
        trials: All of the sweep's trials, by number.
        importances: How much each of its settings explains, the most first; none where the trials are too few.
        advice: What the sweep says to try next, a sentence each.
    """

    title: str
    note: str
    lines: tuple[Line, ...]
    rows: tuple[Row, ...] = ()
    failed: tuple[str, ...] = ()
    trials: tuple[SweptTrial, ...] = ()
    importances: tuple[Importance, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The name of the figure that the lines are ranked and tested by."""
        return self.lines[0].judgement.headline

    @property
    def varied(self) -> dict[str, list[str | None]]:
        """For each key that was varied, the value of each line; None where a line has none."""
        keys = dict.fromkeys(key for line in self.lines for key in line.entry.swept)
        values = {key: [line.entry.swept.get(key) for line in self.lines] for key in keys}
        return {key: found for key, found in values.items() if len(set(found)) > 1}


@dataclass(frozen=True)
class Comparison:
    """All boards, and what lies among the runs but can't be compared, a sentence each."""

    boards: tuple[Board, ...]
    left_out: tuple[str, ...] = ()

    @property
    def lines(self) -> list[Line]:
        """The lines of all boards."""
        return [line for board in self.boards for line in board.lines]


def rank_entries(entries: Iterable[Entry], title: str, note: str) -> Board:
    """The board of entries that were judged on the same samples: the best score first, equal ones by log-loss.

    Another system may have judged some of the samples only. All are tested against the best run.
    """
    judged = sorted(((entry, judge_entry(entry)) for entry in entries), key=lambda one: one[1].merit, reverse=True)
    best = next(entry for entry, _ in judged if entry.certain)
    return Board(
        title,
        note,
        tuple(
            Line(
                entry,
                judgement,
                judge_baseline(entry.predictions),
                None if entry is best else compare_entries(entry, best),
                _test_baseline(entry),
            )
            for entry, judgement in judged
        ),
    )


def rank_settings(
    rows: Sequence[Row], entries: dict[str, Entry], title: str, note: str, failed: Iterable[str]
) -> Board:
    """The board of a sweep's settings: `rows` is its leaderboard, `entries` has the settings by name."""
    of = [(entries[row.setting], row) for row in rows]
    lines = tuple(
        Line(entry, row.judgement, judge_baseline(entry.predictions), row.against_best, row.against_baseline)
        for entry, row in of
    )
    return Board(title, note, lines, tuple(rows), tuple(failed))


def judge_entry(entry: Entry) -> Judgement:
    """How good an entry is; without probabilities there is neither log-loss nor calibration."""
    return judge_said(entry.predictions) if entry.certain else judge_answers(entry.predictions)


def compare_entries(one: Entry, other: Entry) -> PairedTest | None:
    """The paired test of two on the samples that both judged; None where there are none, or of other classes."""
    a, b = one.predictions, other.predictions
    if a.classes != b.classes:
        return None
    if a.paths != b.paths:
        # A sweep's setting has each sample once for each cell, which stands where the fold does.
        of_cells = min(len(set(p.paths)) / len(p.paths) for p in (a, b)) < 1
        here, there = (list(zip(p.folds, p.paths, strict=True) if of_cells else p.paths) for p in (a, b))
        places = {place: i for i, place in enumerate(there)}
        common = [i for i, place in enumerate(here) if place in places]
        if not common:
            return None
        a = a.subset(np.array(common))
        b = b.subset(np.array([places[here[i]] for i in common]))
    return compare_said(a, b, one.label, other.label)


def _test_baseline(entry: Entry) -> PairedTest:
    return compare_baseline(entry.predictions, entry.label, entry.baseline)
