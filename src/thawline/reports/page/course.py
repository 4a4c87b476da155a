"""The course of a sweep: the score of each trial in order, the best so far, and a table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from thawline.html import Html, tag
from thawline.reports.comparison import Board
from thawline.reports.page.svg import Point, Series, number_axis, plot
from thawline.reports.page.tables import heading, number_cell, table, text_cell
from thawline.reports.swept import SweptTrial

_BEST, _TRIALS = 1, 0
_COLOURS = {"failed": 5, "pruned": 4}  # of those that lie at the foot


def draw_course(board: Board) -> Html | None:
    """The history of a sweep; None where fewer than two trials finished."""
    finished = [trial for trial in board.trials if trial.score is not None]
    if len(finished) < 2:
        return None
    about = f"inner {board.headline} by trial"
    series = [_best(finished), _finished(finished), *_others(board.trials, finished)]
    x = number_axis("trial", [trial.number for trial in board.trials], whole=True)
    drawn = [point.y for one in series for point in one.points]
    picture = plot(series, x, number_axis(board.headline, drawn), about=f"{about}, percent")
    note = "Each seed is a trial of its own here. What did not finish lies at the foot."
    whole = tag(
        "details", tag("summary", f"All {len(board.trials)} trials"), tag("div", _table(board), class_="inside")
    )
    return tag("section", tag("h3", "History"), tag("p", note), tag("div", picture, class_="plots"), whole)


def _best(finished: Sequence[SweptTrial]) -> Series:
    """The best so far, as steps."""
    points: list[Point] = []
    best = -1.0
    for trial in finished:
        score = 100 * (trial.score or 0.0)
        if score > best:
            points += [Point(trial.number, best)] if points else []
            points.append(Point(trial.number, score))
            best = score
    points.append(Point(finished[-1].number, best))
    steps = [b for a, b in pairwise([None, *points]) if a != b]
    return Series("the best so far", tuple(p for p in steps if p is not None), _BEST, dots=False)


def _finished(finished: Sequence[SweptTrial]) -> Series:
    points = (Point(one.number, 100 * (one.score or 0.0), about=_say(one)) for one in finished)
    return Series("a trial", tuple(points), _TRIALS, line=False)


def _others(trials: Sequence[SweptTrial], finished: Sequence[SweptTrial]) -> list[Series]:
    """The trials without a score, by how they ended, below all others."""
    scores = [100 * (one.score or 0.0) for one in finished]
    foot = min(scores) - (0.08 * (max(scores) - min(scores)) or 1.0)
    rest = [one for one in trials if one.score is None]
    return [
        Series(
            status,
            tuple(Point(one.number, foot, about=_say(one)) for one in rest if one.status == status),
            _COLOURS.get(status, 7),
            line=False,
        )
        for status in dict.fromkeys(one.status for one in rest)
    ]


def _say(trial: SweptTrial) -> str:
    end = trial.status if trial.score is None else f"{100 * trial.score:.1f} %"
    return f"trial {trial.number}, {trial.setting}: {end}"


def _table(board: Board) -> Html:
    head = [heading("trial", "ascending", numeric=True), heading("setting", "ascending")]
    head += [heading("status", "ascending"), heading(f"inner {board.headline}, %", "descending", numeric=True)]
    head += [heading("seconds", "ascending", numeric=True), heading("bytes trained", "ascending", numeric=True)]
    rows = [
        tag(
            "tr",
            number_cell(one.number),
            text_cell(one.setting),
            text_cell(one.status),
            number_cell(one.score, None if one.score is None else f"{100 * one.score:.1f}"),
            number_cell(one.seconds, None if one.seconds is None else f"{one.seconds:,.1f}"),
            number_cell(one.size),
        )
        for one in board.trials
    ]
    return table(head, rows, "Trials", "sortable compact")
