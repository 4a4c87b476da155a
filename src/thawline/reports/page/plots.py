"""What is plotted of a board: each setting that was varied, and the course of the trainings."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from thawline.fitting.folds import REFIT
from thawline.html import Html, tag
from thawline.judging.metrics import call
from thawline.judging.wording import factor_of, in_its_unit, is_share
from thawline.reports.comparison import Board, Line
from thawline.reports.page.svg import COLOURS, Axis, Point, Series, category_axis, draw_legend, number_axis, plot
from thawline.reports.swept import finite, scale_of

_MOST_SETTINGS = 8
_QUANTITIES = {
    "inner_accuracy": "inner accuracy, percent",
    "inner_loss": "inner loss",
    "train_loss": "training loss",
}


def draw_settings(board: Board) -> Html | None:
    """A plot of the score over each setting that was varied, a line for each choice of the others."""
    # Lines without a setting, such as an ensemble's, say nothing of it: what all others share is a constant.
    varied = [key for key, values in board.varied.items() if len(set(values) - {None}) > 1]
    plots = [_setting(board, key) for key in varied[:_MOST_SETTINGS]]
    if not plots:
        return None
    shares = is_share(board.headline)
    score = f"{board.headline.capitalize()} in percent" if shares else _called(board)
    note = f"{score} with its 95 % interval. A line joins settings that differ in nothing else."
    return tag("section", tag("h3", "Settings"), tag("p", note), tag("div", *plots, class_="plots"))


def draw_curves(board: Board) -> Html | None:
    """The course of the trainings, a plot for each quantity and one legend."""
    histories = [(line, read_curves(file)) for line in board.lines for file in history_files(line)[:1]]
    drawn = {quantity: _series(board, quantity, histories) for quantity in _QUANTITIES}
    plots = [_over_epochs(series, _QUANTITIES[quantity], legend=False) for quantity, series in drawn.items() if series]
    if not plots:
        return None
    first = "" if len(histories) <= COLOURS else f" The best {COLOURS} in colour, the others grey."
    note = f"Epoch by epoch, the first fold of each run.{first}"
    legend = draw_legend([one for series in drawn.values() for one in series])
    return tag("section", tag("h3", "Learning curves"), tag("p", note), tag("div", *plots, class_="plots"), legend)


def draw_own_curves(line: Line) -> Html | None:
    """One run's loss on both sides, over the epochs of its first fold."""
    for file in history_files(line)[:1]:
        curves = read_curves(file)
        sides = {"training": curves["train_loss"], "inner": curves["inner_loss"]}
        series = [Series(side, points, colour) for colour, (side, points) in enumerate(sides.items()) if points]
        if series:
            return _over_epochs(series, "loss")
    return None


def history_files(line: Line) -> list[Path]:
    """The histories of a line's runs, in order; a refit on all data has no inner side, and is left out."""
    files = [file for directory in line.entry.directories for file in sorted(directory.glob("folds/*/history.csv"))]
    return [file for file in files if file.parent.name != REFIT]


def read_curves(file: Path) -> dict[str, tuple[Point, ...]]:
    """The curves of a history file by column: what is no finite number is passed over."""
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    curves = {}
    for column in _QUANTITIES:
        scale = 100.0 if column == "inner_accuracy" else 1.0
        cells = [(finite(row.get("epoch")), finite(row.get(column))) for row in rows]
        curves[column] = tuple(Point(x, scale * y) for x, y in cells if x is not None and y is not None)
    return curves


def setting_axis(key: str, values: Sequence[str]) -> tuple[Axis, dict[str, float]]:
    """The axis for a setting's values, and each value's place on it."""
    scale = scale_of(key, values)
    if scale.kind == "category":
        return category_axis(key, list(scale.places)), scale.places
    return number_axis(key, list(scale.places.values()), log=scale.kind == "log"), scale.places


def _setting(board: Board, key: str) -> Html:
    """The score over one setting. Colour shows the other setting with the fewest values."""
    lines = [line for line in board.lines if key in line.entry.swept]
    axis, places = setting_axis(key, [line.entry.swept[key] for line in lines])
    others = {other: values for other, values in board.varied.items() if other != key}
    tint = min(others, key=lambda other: len(set(others[other])), default=None)
    colours = _colours([line.entry.swept.get(tint) if tint else None for line in lines])
    alike: dict[tuple[str | None, ...], list[Line]] = {}
    for line in lines:
        alike.setdefault(tuple(line.entry.swept.get(other) for other in others), []).append(line)
    series = []
    for mine in alike.values():
        points = sorted((_point(line, places[line.entry.swept[key]]) for line in mine), key=lambda point: point.x)
        value = mine[0].entry.swept.get(tint) if tint else None
        series.append(Series("" if value is None else f"{tint}={value}", tuple(points), colours[value]))
    series.sort(key=lambda one: (one.colour is None, one.colour or 0))
    drawn = [v for one in series for p in one.points for v in (p.low, p.high) if v is not None]
    return plot(series, axis, number_axis(board.headline, drawn), about=f"{_called(board)} by {key}")


def _called(board: Board) -> str:
    return board.headline if is_share(board.headline) else call(board.headline)


def _colours(values: Sequence[str | None]) -> dict[str | None, int | None]:
    """A colour for each value; more values than there are colours have none."""
    distinct = sorted(set(values), key=str)
    return {value: number if len(distinct) <= COLOURS else None for number, value in enumerate(distinct)}


def _point(line: Line, x: float) -> Point:
    score = line.judgement.score
    figure = line.judgement.headline
    value, low, high = (factor_of(figure) * v for v in (score.value, score.low, score.high))
    said = f"{value:.1f} % [{low:.1f}, {high:.1f}]" if is_share(figure) else in_its_unit(figure, score)
    return Point(x, value, low, high, f"{line.entry.label}: {said}")


def _series(
    board: Board, quantity: str, histories: Sequence[tuple[Line, dict[str, tuple[Point, ...]]]]
) -> list[Series]:
    return [
        Series(_short(board, line), curves[quantity], number if number < COLOURS else None)
        for number, (line, curves) in enumerate(histories)
        if curves[quantity]
    ]


def _short(board: Board, line: Line) -> str:
    """What a line is called in a legend: of a sweep only what was varied."""
    keys = list(board.varied) if board.rows else []
    return " ".join(f"{_last(key)}={line.entry.swept.get(key, '')}" for key in keys) or line.entry.label


def _over_epochs(series: Sequence[Series], about: str, *, legend: bool = True) -> Html:
    points = [point for one in series for point in one.points]
    x = number_axis("epoch", [point.x for point in points], whole=True)
    return plot(series, x, number_axis(about, [point.y for point in points]), about=about, legend=legend)


def _last(key: str) -> str:
    return key.removesuffix(".name").rpartition(".")[2]
