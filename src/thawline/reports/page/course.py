"""The course of a sweep: the score of each trial in order, the best so far, and a table that says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from thawline.html import Html, tag
from thawline.judging.metrics import call
from thawline.judging.wording import factor_of, goodness, is_share, with_unit
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
    figure = board.headline
    series = [_best(finished, figure), _finished(finished, figure), *_others(board.trials, finished, figure)]
    x = number_axis("trial", [trial.number for trial in board.trials], whole=True)
    drawn = [point.y for one in series for point in one.points]
    about += ", percent" if is_share(figure) else ""
    picture = plot(series, x, number_axis(figure, drawn), about=about)
    note = "Each seed is a trial of its own here. What did not finish lies at the foot."
    whole = tag(
        "details", tag("summary", f"All {len(board.trials)} trials"), tag("div", _table(board), class_="inside")
    )
    return tag("section", tag("h3", "History"), tag("p", note), tag("div", picture, class_="plots"), whole)


def _best(finished: Sequence[SweptTrial], figure: str) -> Series:
    """The best so far, as steps."""
    points: list[Point] = []
    best = -math.inf if goodness(figure, 1.0) > 0 else math.inf
    for trial in finished:
        score = factor_of(figure) * (trial.score or 0.0)
        if goodness(figure, score) > goodness(figure, best):
            points += [Point(trial.number, best)] if points else []
            points.append(Point(trial.number, score))
            best = score
    points.append(Point(finished[-1].number, best))
    steps = [b for a, b in pairwise([None, *points]) if a != b]
    return Series("the best so far", tuple(p for p in steps if p is not None), _BEST, dots=False)


def _finished(finished: Sequence[SweptTrial], figure: str) -> Series:
    points = (Point(one.number, factor_of(figure) * (one.score or 0.0), about=_say(one, figure)) for one in finished)
    return Series("a trial", tuple(points), _TRIALS, line=False)


def _others(trials: Sequence[SweptTrial], finished: Sequence[SweptTrial], figure: str) -> list[Series]:
    """The trials without a score, by how they ended, below all others."""
    scores = [factor_of(figure) * (one.score or 0.0) for one in finished]
    foot = min(scores) - (0.08 * (max(scores) - min(scores)) or factor_of(figure) / 100)
    rest = [one for one in trials if one.score is None]
    return [
        Series(
            status,
            tuple(Point(one.number, foot, about=_say(one, figure)) for one in rest if one.status == status),
            _COLOURS.get(status, 7),
            line=False,
        )
        for status in dict.fromkeys(one.status for one in rest)
    ]


def _say(trial: SweptTrial, figure: str) -> str:
    end = trial.status if trial.score is None else with_unit(figure, trial.score)
    return f"trial {trial.number}, {trial.setting}: {end}"


def _table(board: Board) -> Html:
    head = [heading("trial", "ascending", numeric=True), heading("setting", "ascending")]
    figure = board.headline
    said, first = (f"inner {figure}, %", "descending") if is_share(figure) else (f"inner {call(figure)}", "ascending")
    head += [heading("status", "ascending"), heading(said, first, numeric=True)]
    head += [heading("seconds", "ascending", numeric=True), heading("bytes trained", "ascending", numeric=True)]
    rows = [
        tag(
            "tr",
            number_cell(one.number),
            text_cell(one.setting),
            text_cell(one.status),
            number_cell(one.score, None if one.score is None else with_unit(figure, one.score).removesuffix(" %")),
            number_cell(one.seconds, None if one.seconds is None else f"{one.seconds:,.1f}"),
            number_cell(one.size),
        )
        for one in board.trials
    ]
    return table(head, rows, "Trials", "sortable compact")
