"""Parallel coordinates of a sweep: an axis for each setting and one for the score, a line for each setting of all.

The axes lie one below the other, so that the names of many choices have room on a phone too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thawline.html import Html, head, join, name, tag
from thawline.judging.metrics import Judgement, call
from thawline.judging.wording import factor_of, goodness, in_its_unit, is_share, least_is_best
from thawline.reports.page.plots import setting_axis
from thawline.reports.page.svg import WIDTH, Axis, number_axis
from thawline.reports.swept import shortened, split_setting
from thawline.targets.leaderboard import Row

MOST_KEYS = 12
_EDGE, _FIRST, _STEP, _BELOW = 30, 26, 58, 22
_CHARACTER = 6.2  # its width
_SHADES = 5
NOT_SET = "not set"
_KINDS = {
    "best": "the best",
    "alike": "cannot be told apart from the best (paired test, p ≥ 0.05)",
    "told": "worse than the best",
}


@dataclass(frozen=True)
class Way:
    """The line of one setting.

    Attributes:
        about: What it is, in words.
        places: Where it crosses each axis, 0 to 1.
        kind: `best`, `alike` where it can't be told apart from the best, `told` where it can.
        shade: 0 for the lowest scores to 4 for the highest.
    """

    about: str
    places: tuple[float, ...]
    kind: str
    shade: int


def draw_parallel(rows: Sequence[Row]) -> Html | None:
    """The settings of a leaderboard, the best first; None where nothing varies."""
    keys = varied_keys(rows)
    figure = _figure(rows, keys)
    if figure is None:
        return None
    headline = rows[0].judgement.headline
    extent = "low" if least_is_best(headline) else "high"
    left_out = f" {len(keys) - MOST_KEYS} settings more are in the table alone." if len(keys) > MOST_KEYS else ""
    note = (
        f"A line is one setting, with all its seeds; it crosses each axis at its value. Strong lines have a {extent} "
        f"{headline if is_share(headline) else call(headline)}. The table above says the same in numbers.{left_out}"
    )
    return tag("section", tag("h3", "All settings at once"), tag("p", note), figure)


def parallel_page(rows: Sequence[Row]) -> str | None:
    """The same picture as a page of its own, for a logger; None where nothing varies."""
    figure = _figure(rows, varied_keys(rows))
    if figure is None:
        return None
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return "<!doctype html>\n" + tag("html", head("Settings of a sweep", style, ""), tag("body", figure), lang="en")


def _figure(rows: Sequence[Row], keys: Sequence[str]) -> Html | None:
    if len(rows) < 2 or not keys:
        return None
    axes, ways = lay_out(rows, keys[:MOST_KEYS])
    headline = rows[0].judgement.headline
    called = headline if is_share(headline) else call(headline)
    about = f"{called} and the settings that give it: {', '.join(keys[:MOST_KEYS])}"
    kinds = [kind for kind in _KINDS if any(way.kind == kind for way in ways)]
    legend = tag("ul", *(tag("li", tag("span", class_=f"chip {one}"), _KINDS[one]) for one in kinds), class_="legend")
    return tag("figure", tag("figcaption", name(about)), draw_ways(axes, ways, about), legend, class_="plot parallel")


def varied_keys(rows: Sequence[Row]) -> list[str]:
    """The keys of which the rows have several values, or some have none."""
    swept = [split_setting(row.setting) for row in rows]
    keys = dict.fromkeys(key for one in swept for key in one)
    return [key for key in keys if len({one.get(key) for one in swept}) > 1]


def lay_out(rows: Sequence[Row], keys: Sequence[str]) -> tuple[list[Axis], list[Way]]:
    """The axes, the score's last, and the ways across them in the order of the rows."""
    swept = [split_setting(row.setting) for row in rows]
    columns = [_column(key, [one.get(key) for one in swept]) for key in keys]
    figure = rows[0].judgement.headline
    scores = [factor_of(figure) * row.judgement.score.value for row in rows]
    axis = number_axis(f"{figure}, percent" if is_share(figure) else call(figure), scores)
    columns.append((axis, [axis.at(score) for score in scores]))
    axes = [replace(one, title=said) for (one, _), said in zip(columns, [*shortened(keys), axis.title], strict=True)]
    order = sorted(set(scores), key=lambda score: goodness(figure, score))
    ways = [
        Way(
            about=f"{row.setting}: {_say(row.judgement)}",
            places=tuple(places[number] for _, places in columns),
            kind="best" if number == 0 else "told" if row.against_best and row.against_best.differs else "alike",
            shade=min(_SHADES - 1, _SHADES * order.index(scores[number]) // len(order)),
        )
        for number, row in enumerate(rows)
    ]
    return axes, ways


def draw_ways(axes: Sequence[Axis], ways: Sequence[Way], about: str) -> Html:
    """The picture alone; the best way lies above the others."""
    height = _FIRST + _STEP * (len(axes) - 1) + _BELOW
    return tag(
        "svg",
        tag("desc", f"{len(ways)} settings over {len(axes)} axes, from top to bottom."),
        *(tag("line", x1=_EDGE, x2=WIDTH - _EDGE, y1=_y(i), y2=_y(i), class_="axis") for i in range(len(axes))),
        *(_way(way) for way in reversed(ways)),
        *(_labels(axis, i) for i, axis in enumerate(axes)),
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=about,
    )


def _column(key: str, values: Sequence[str | None]) -> tuple[Axis, list[float]]:
    """The axis of a setting, and where each value lies on it; what is not set lies at the left, apart."""
    given = [value for value in values if value is not None]
    axis, places = setting_axis(key, given)
    if len(given) == len(values):
        return axis, [axis.at(places[value]) for value in given]
    room = 0.2 * (axis.high - axis.low)
    low = axis.low - room
    absent = low + room / 3
    # On a logarithmic axis the range is in logarithms, and a tick is not.
    tick = 10.0**absent if axis.log else absent
    axis = replace(axis, low=low, ticks=((tick, NOT_SET), *axis.ticks))
    return axis, [axis.at(tick if value is None else places[value]) for value in values]


def _way(way: Way) -> Html:
    points = "L".join(f"{_x(place)} {_y(i)}" for i, place in enumerate(way.places))
    return tag("g", tag("title", way.about), tag("path", d=f"M{points}"), class_=f"way {way.kind} p{way.shade}")


def _labels(axis: Axis, number: int) -> Html:
    """What an axis is called, above its left end, and its ticks below it, of which none runs into the one before."""
    parts: list[Html] = []
    free = 0.0
    room = (WIDTH - 2 * _EDGE) / max(1, len(axis.ticks))
    for value, said in sorted(axis.ticks):
        across = _EDGE + axis.at(value) * (WIDTH - 2 * _EDGE)
        short = _cut(said, room)
        half = len(short) * _CHARACTER / 2
        middle = min(max(across, half + 2), WIDTH - half - 2)
        x, y = f"{across:.1f}", _y(number)
        parts.append(tag("line", x1=x, x2=x, y1=y - 3, y2=y + 3, class_="axis"))
        if middle - half >= free:
            parts.append(tag("text", tag("title", said), short, x=f"{middle:.1f}", y=y + 15, text_anchor="middle"))
            free = middle + half + 3
    title = _cut(axis.title, WIDTH - 8)
    parts.append(tag("text", tag("title", axis.title), title, x=4, y=_y(number) - 8, class_="title"))
    return join(*parts)


def _cut(said: str, room: float) -> str:
    most = max(4, int(room / _CHARACTER))
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _say(judgement: Judgement) -> str:
    score = judgement.score
    if not is_share(judgement.headline):
        return f"{call(judgement.headline)} {in_its_unit(judgement.headline, score)}"
    return f"{judgement.headline} {100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]"


def _x(place: float) -> str:
    return f"{_EDGE + place * (WIDTH - 2 * _EDGE):.1f}"


def _y(number: int) -> int:
    return _FIRST + _STEP * number
