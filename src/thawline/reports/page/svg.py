"""Plots as inline SVG: points with intervals and lines over a linear, a logarithmic or a categorical axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from thawline.html import Html, join, name, tag

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 40
COLOURS = 8
_CHARACTER = 7.0  # its width
_STEP = 5.0
_LEAST_TICKS = 3


@dataclass(frozen=True)
class Point:
    """A point of a plot; `x` is a number, or a place among an axis's categories."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    about: str = ""


@dataclass(frozen=True)
class Series:
    """Points that belong together. `colour` is a number below `COLOURS`, None for what stands back.

    Where `dots` is false the line alone is drawn, where `line` is false the dots alone.
    """

    name: str
    points: tuple[Point, ...]
    colour: int | None = 0
    dots: bool = True
    line: bool = True


@dataclass(frozen=True)
class Axis:
    """An axis: its range in the units that are drawn (logarithms on a logarithmic one) and its ticks."""

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return ((math.log10(value) if self.log else value) - self.low) / (self.high - self.low)


def number_axis(title: str, values: Sequence[float], *, log: bool = False, whole: bool = False) -> Axis:
    """An axis of numbers with room at its ends.

    Args:
        title: What is along it.
        values: What is drawn, above 0 on a logarithmic axis.
        log: Whether it is logarithmic; ticks are then the values themselves if they are few, otherwise powers of ten,
            and some of their multiples where there are few powers.
        whole: Whether ticks are whole numbers only.
    """
    drawn = [math.log10(value) for value in values] if log else list(values)
    low, high = min(drawn), max(drawn)
    room = (high - low) * 0.08 or abs(low) * 0.1 or 0.5
    if log:
        distinct = sorted(set(values))
        few = distinct if len(distinct) <= 6 else _powers(low, high)
        return Axis(title, low - room, high + room, tuple((one, _short(one)) for one in few), log=True)
    ticks = tuple((one, _short(one)) for one in _ticks(low, high, whole=whole))
    return Axis(title, low - room, high + room, ticks)


def _powers(low: float, high: float) -> list[float]:
    """Round numbers between two powers of ten, given by their exponents."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    within: list[float] = []
    for factors in ((1,), (1, 3), (1, 2, 5)):  # no more than are needed: figures must not meet
        many = [factor * 10.0**power for power in powers for factor in factors]
        within = [one for one in many if low <= math.log10(one) <= high]
        if len(within) >= _LEAST_TICKS:
            break
    return within


def category_axis(title: str, names: Sequence[str]) -> Axis:
    """An axis with a place for each name, at 0, 1 and so on."""
    ticks = tuple((float(i), one) for i, one in enumerate(names))
    return Axis(title, -0.5, len(names) - 0.5, ticks)


def plot(series: Sequence[Series], x: Axis, y: Axis, *, about: str, legend: bool = True, abreast: bool = True) -> Html:
    """A plot with its legend.

    Args:
        series: What is drawn; the first ones above the later.
        x: The horizontal axis.
        y: The vertical axis.
        about: What the plot shows, for who can't see it and as its caption.
        legend: Whether the legend stands below it.
        abreast: Whether intervals of several series at one place stand side by side, so that none hides another.
    """
    beside = _spread(series) if abreast else [{} for _ in series]
    drawn = [_series(one, x, y, beside[i]) for i, one in enumerate(series)]
    picture = tag(
        "svg",
        _frame(x, y),
        *reversed(drawn),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=about,
    )
    return tag(
        "figure", tag("figcaption", name(about)), picture, draw_legend(series) if legend else None, class_="plot"
    )


def _spread(series: Sequence[Series]) -> list[dict[float, float]]:
    """For each series and x how far its point is moved aside: those with intervals that share an x stand abreast."""
    sharing: dict[float, list[int]] = {}
    for number, one in enumerate(series):
        for point in one.points:
            if point.low is not None:
                sharing.setdefault(point.x, []).append(number)
    moved: list[dict[float, float]] = [{} for _ in series]
    for x, numbers in sharing.items():
        for place, number in enumerate(numbers):
            moved[number][x] = (place - (len(numbers) - 1) / 2) * min(_STEP, 30 / len(numbers))
    return moved


def _series(one: Series, x: Axis, y: Axis, moved: dict[float, float]) -> Html:
    places = [(_across(x, point.x) + moved.get(point.x, 0.0), _down(y, point.y), point) for point in one.points]
    way = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down, _ in places)
    parts = [tag("path", d=way, class_="line") if len(places) > 1 and one.line else None]
    for across, down, point in places if one.dots else ():
        bar = None
        if point.low is not None and point.high is not None:
            ends = _down(y, point.low), _down(y, point.high)
            bar = tag("line", x1=_r(across), x2=_r(across), y1=_r(ends[0]), y2=_r(ends[1]), class_="bar")
        dot = tag("circle", cx=_r(across), cy=_r(down), r=_radius(one, point))
        parts.append(tag("g", tag("title", point.about) if point.about else None, bar, dot))
    return tag("g", *parts, class_="back" if one.colour is None else f"c{one.colour}")


def _radius(one: Series, point: Point) -> float:
    """Of a dot: large where it stands alone, and larger without a line than on one."""
    return 4 if len(one.points) == 1 and one.line else 3 if point.low is not None or not one.line else 1.8


def _frame(x: Axis, y: Axis) -> Html:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [tag("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis")]
    for value, said in y.ticks:
        down = _r(_down(y, value))
        parts.append(tag("line", x1=LEFT, x2=right, y1=down, y2=down, class_="grid"))
        parts.append(tag("text", said, x=LEFT - 6, y=down, dy="0.32em", text_anchor="end"))
    for value, said in x.ticks:
        across = _r(_across(x, value))
        parts.append(tag("line", x1=across, x2=across, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(
            tag("text", tag("title", said), _cut(said, len(x.ticks)), x=across, y=bottom + 16, text_anchor="middle")
        )
    parts.append(tag("text", x.title, x=_r((LEFT + right) / 2), y=HEIGHT - 6, text_anchor="middle", class_="title"))
    return join(*parts)


def draw_legend(series: Sequence[Series]) -> Html | None:
    """The colours with their names, where there are two or more; series may share one."""
    shown = {one.name: one.colour for one in series if one.colour is not None and one.name}
    if len(shown) < 2:
        return None
    items = [tag("li", tag("span", class_=f"chip c{colour}"), name(said)) for said, colour in shown.items()]
    return tag("ul", *items, class_="legend")


def _ticks(low: float, high: float, *, whole: bool) -> list[float]:
    span = (high - low) or 1.0
    raw = span / 6
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * 0.999)
    step = max(1.0, step) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _cut(said: str, ticks: int) -> str:
    most = max(4, int((WIDTH - LEFT - RIGHT) / ticks / _CHARACTER))
    return said if len(said) <= most else said[: most - 1] + "…"


def _short(value: float) -> str:
    return f"{value:g}"


def _across(x: Axis, value: float) -> float:
    return LEFT + x.at(value) * (WIDTH - LEFT - RIGHT)


def _down(y: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - y.at(value) * (HEIGHT - TOP - BOTTOM)


def _r(value: float) -> str:
    return f"{value:.1f}"
