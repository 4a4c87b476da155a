"""How well runs rank the samples of two classes: ROC and precision–recall, with what each run decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thawline.html import Html, join, name, tag
from thawline.judging.curves import Curves, curves_of
from thawline.reports.comparison import Board, Line
from thawline.reports.page.svg import COLOURS, Point, Series, draw_legend, number_axis, plot


def draw_ranking(board: Board) -> Html | None:
    """ROC and precision–recall of all lines of the board that have two classes."""
    if board.rows:
        return None  # a sweep's settings have inner samples, by which nothing is to be shown finely
    drawn = [(line, curves) for line in board.lines if (curves := _curves(line))]
    if not drawn:
        return None
    wanted = drawn[0][0].judgement.classes[1]
    share = 100 * drawn[0][1].share
    chance = Series("", (Point(0, 0), Point(100, 100)), None, dots=False)
    level = Series("", (Point(0, share), Point(100, share)), None, dots=False)
    roc = [one for i, (line, curves) in enumerate(drawn) for one in _roc(line, curves, _colour(i))]
    precision = [one for i, (line, curves) in enumerate(drawn) for one in _precision(line, curves, _colour(i))]
    plots = [
        _plot([*roc, chance], "false positive rate, percent", "ROC: true over false positive rate, percent"),
        _plot([*precision, level], "recall, percent", "precision over recall, percent"),
    ]
    note = (
        "Where the probability of ",
        tag("strong", name(wanted)),
        " puts the samples, threshold by threshold. A dot is what the run decided; grey is what chance gives.",
    )
    legend = draw_legend([*roc, *precision])
    return tag("section", tag("h3", "Ranking"), tag("p", join(*note)), tag("div", *plots, class_="plots"), legend)


def _curves(line: Line) -> Curves | None:
    return curves_of(line.entry.predictions, line.judgement) if line.entry.certain else None


def _roc(line: Line, curves: Curves, colour: int | None) -> list[Series]:
    false, true = curves.decided_roc
    said = f"{line.entry.label}: {100 * true:.1f} % found, {100 * false:.1f} % of the others too"
    return _series(line, curves.roc, Point(100 * false, 100 * true, about=said), colour)


def _precision(line: Line, curves: Curves, colour: int | None) -> list[Series]:
    decided = None
    if curves.decided_precision is not None:
        recall, precision = curves.decided_precision
        said = f"{line.entry.label}: precision {100 * precision:.1f} %, recall {100 * recall:.1f} %"
        decided = Point(100 * recall, 100 * precision, about=said)
    return _series(line, curves.precision_recall, decided, colour)


def _series(line: Line, points: np.ndarray, decided: Point | None, colour: int | None) -> list[Series]:
    """The dot above its curve."""
    curve = Series(line.entry.label, tuple(Point(100 * x, 100 * y) for x, y in points.tolist()), colour, dots=False)
    return [curve] if decided is None else [Series(line.entry.label, (decided,), colour), curve]


def _plot(series: Sequence[Series], x: str, about: str) -> Html:
    across, down = (number_axis(title, [0.0, 100.0]) for title in (x, about))
    return plot(series, across, down, about=about, legend=False)


def _colour(number: int) -> int | None:
    return number if number < COLOURS else None
