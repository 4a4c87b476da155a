"""What accuracy costs: each setting's error against its seconds and the bytes that it trained, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from thawline.html import Html, join, name, tag
from thawline.judging.metrics import Judgement, call
from thawline.judging.wording import is_share, least_is_best, with_unit
from thawline.reports.comparison import Board
from thawline.reports.page.svg import Point, Series, number_axis, plot
from thawline.reports.swept import scale_of
from thawline.targets.leaderboard import Row

_FRONT = 1  # its colour
_MOST_NAMED = 8
_NOTE = (
    "Error is 100 less the score, or the score itself where that is an error, with its 95 % interval; seconds are a "
    "trial's, and megabytes those of what it trained. What is off the line costs and errs at least as much as "
    "something on it."
)


def draw_pareto(board: Board) -> Html | None:
    """The fronts of a sweep's settings, as far as they differ in what they cost."""
    sizes = {trial.number: trial.size for trial in board.trials}
    seconds = [row.seconds / len(row.trials) for row in board.rows]
    trained = [sizes.get(row.trials[0]) for row in board.rows]
    parts = [
        _front(board, list(zip(board.rows, seconds, strict=True)), "seconds a trial", "s"),
        _front(
            board,
            [(row, float(f"{size / 1e6:.3g}")) for row, size in zip(board.rows, trained, strict=True) if size],
            "megabytes trained",
            "MB",
        ),
    ]
    drawn = [part for part in parts if part is not None]
    if not drawn:
        return None
    plots = tag("div", *(picture for picture, _ in drawn), class_="plots")
    return tag("section", tag("h3", "What the score costs"), tag("p", _NOTE), plots, *(said for _, said in drawn))


def on_the_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of `points`, a cost and an error each, no other is below in one and not above in the other; cheapest first.

    Of equal points the first is named.
    """
    order = sorted(range(len(points)), key=lambda i: (*points[i], i))
    front: list[int] = []
    for i in order:
        if not front or points[i][1] < points[front[-1]][1]:
            front.append(i)
    return front


def _front(board: Board, costs: Sequence[tuple[Row, float]], cost: str, unit: str) -> tuple[Html, Html] | None:
    """The picture of one cost, and its front in words; None where all cost the same."""
    if len({value for _, value in costs}) < 2:
        return None
    points = [
        _point(row.judgement, value, f"{row.setting}: error {_error(row)}, {value:,.4g} {unit}") for row, value in costs
    ]
    front = on_the_front([(point.x, point.y) for point in points])
    stair = [points[front[0]]]
    for a, b in pairwise(points[i] for i in front):
        stair += [Point(b.x, a.y), b]
    series = [
        Series("on the front", tuple(points[i] for i in front), _FRONT, line=False),
        Series("", tuple(stair), _FRONT, dots=False),
        Series("", tuple(point for i, point in enumerate(points) if i not in front), None, line=False),
    ]
    log = scale_of("", [str(value) for _, value in costs]).kind == "log"
    x = number_axis(cost, [point.x for point in points], log=log)
    y = number_axis("error", [v for point in points for v in (point.y, point.low, point.high) if v is not None])
    error = f"error (100 - {board.headline}), percent" if is_share(board.headline) else call(board.headline)
    about = f"{error}, against {cost}" if is_share(board.headline) else f"{error} against {cost}"
    named = [tag("li", name(points[i].about)) for i in front[:_MOST_NAMED]]
    more = f" The first {_MOST_NAMED} of {len(front)}:" if len(front) > _MOST_NAMED else ""
    said = join(
        tag("p", f"On the front of error and {cost}, the cheapest first.{more}"), tag("ul", *named, class_="plain")
    )
    return plot(series, x, y, about=about, abreast=False), said


def _point(judgement: Judgement, cost: float, about: str) -> Point:
    score = judgement.score
    if least_is_best(judgement.headline):
        return Point(cost, score.value, score.low, score.high, about)
    return Point(cost, 100 * (1 - score.value), 100 * (1 - score.high), 100 * (1 - score.low), about)


def _error(row: Row) -> str:
    figure, value = row.judgement.headline, row.judgement.score.value
    return with_unit(figure, value) if least_is_best(figure) else f"{100 * (1 - value):.1f} %"
