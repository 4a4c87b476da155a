"""How a run's figures grow with its photos: a table, sentences, and a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.decisions.gates import MET
from thawline.decisions.outlook import FAR, MORE, MOST, Outlook
from thawline.drawing import BLUE, GREY, ORANGE, drawing, plain
from thawline.files import printable
from thawline.judging.growth import Growth
from thawline.judging.metrics import call
from thawline.judging.wording import format_points, percent
from thawline.screen import say

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.axes import Axes

Grown = Mapping[tuple[str, str | None], Growth]
_DRAWN = 12  # figures in a picture
_AHEAD = 4.0  # times the collection that a picture looks ahead


def print_growth(grown: Grown, console: Console, samples: int, noun: str) -> None:
    """Print accuracy and the recall of each class: today, and what is forecast."""
    title = Text(f"with {samples:,} {noun} today; in percent, [95 %] of the forecast")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("figure", overflow="fold")
    for heading in ("today", "twice as many", "without end"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (figure, label), growth in grown.items():
        if figure in ("accuracy", "recall"):
            ahead = (percent(growth.forecast(size)) for size in (2.0, math.inf))
            table.add_row(_called(figure, label), percent(growth.whole), *ahead)
    console.print(table)
    overall = grown["accuracy", None]
    gained = overall.gained
    how = "which can't be told from nothing" if gained.low <= 0 else "and more will gain less"
    say(console, f"accuracy gained {percent(gained, sign='+')} points by the second half of the {noun}, {how}")
    if most := _gains_most(grown):
        say(console, most)


def print_outlooks(outlooks: Sequence[Outlook], console: Console, noun: str) -> None:
    """Print a row for each gate, and a sentence on what it takes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in ("wanted", "today", "twice as many", f"more {noun}"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in outlooks:
        more = "-" if one.verdict == MET else f"{one.more:,}" if one.more else one.verdict
        twice = percent(one.growth.forecast(2.0))
        wanted = f"{100 * one.gate.wanted:g}"
        table.add_row(_called(one.gate.figure, one.gate.label), wanted, percent(one.growth.whole), twice, more)
    console.print(table)
    for sentence in sentences(outlooks, noun):
        say(console, sentence)


def sentences(outlooks: Sequence[Outlook], noun: str) -> Iterator[str]:
    """A sentence for each gate that is not met: what it takes, or why more will not help."""
    for one in outlooks:
        if one.verdict == MET:
            continue
        kind = noun if one.gate.label is None else f"{noun} of {one.gate.label}"
        if one.verdict == MORE:
            most = f"{one.most:,}" if one.most else "more than can be forecast"
            said = f"about {one.more:,} more {kind} [{one.fewest:,}, {most}] beside the {one.samples:,} of today"
            said += "" if one.gate.label is None else ", the other classes growing as much"
        elif one.verdict == FAR:
            best = f"; at best {one.fewest:,} more {kind} would do" if one.fewest else ""
            said = f"not with {MOST:g} times as many {kind}, by the forecast{best}"
        else:
            end = 100 * one.growth.forecast(math.inf).high
            said = (
                f"more {kind} will not help: without end it comes to {end:.1f} at most; try another encoder or method"
            )
        yield f"{printable(one.gate.called)}: {said}{_noise(one, noun)}"


def _noise(one: Outlook, noun: str) -> str:
    if not one.within_noise:
        return ""
    return f" (the second half of the {noun} gained {percent(one.growth.gained, sign='+')} points: within noise)"


def _gains_most(grown: Grown) -> str | None:
    """A sentence on the class whose recall gains most."""
    gains = {
        str(label): growth.forecast(2.0).value - growth.laws.at(1.0)[0]
        for (figure, label), growth in grown.items()
        if figure == "recall"
    }
    most = max(gains, key=lambda label: gains[label], default=None)
    if most is None or gains[most] < 0.001:
        return None
    points = format_points(gains[most], "+")
    return f"of the classes {printable(most)} gains most by twice as many: {points} points of recall"


def draw_growth(grown: Grown, outlooks: Sequence[Outlook], path: Path, samples: int, noun: str) -> None:
    """Draw how figures grow: what was measured, the law, its interval, and what gates want.

    Args:
        grown: All figures.
        outlooks: Of gates, whose figures are drawn; where there are none accuracy and the recall of each class are.
        path: Where the picture goes.
        samples: How many there are today.
        noun: What they are called.
    """
    wanted = {(one.gate.figure, one.gate.label): one.gate.wanted for one in outlooks}
    shown = list(wanted) or [name for name in grown if name[0] in ("accuracy", "recall")]
    shown = shown[:_DRAWN]
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    with drawing(3.4 * columns, 2.7 * rows, path) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes, name in zip(panels, shown, strict=False):
            _draw(axes, grown[name], samples)
            if name in wanted:
                axes.axhline(wanted[name], color=ORANGE, linewidth=1.0)
            axes.set_title(_called(*name).plain, fontsize=9, loc="left")
            axes.set_xlabel(noun, fontsize=8)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)


def _draw(axes: Axes, growth: Growth, samples: int) -> None:
    """A figure by the number of samples, up to four times those of today."""
    behind, ahead = np.geomspace(growth.sizes[0], 1.0, 25), np.geomspace(1.0, _AHEAD, 25)
    axes.plot(behind * samples, [growth.laws.at(size)[0] for size in behind], color=BLUE, linewidth=1.2)
    axes.plot(growth.sizes * samples, growth.values, "o", color=BLUE, markersize=3.5)
    then = [growth.forecast(size) for size in ahead]
    axes.plot(ahead * samples, [one.value for one in then], color=BLUE, linewidth=1.2, linestyle="--")
    low, high = [one.low for one in then], [one.high for one in then]
    axes.fill_between(ahead * samples, low, high, color=BLUE, alpha=0.15, linewidth=0)
    axes.axvline(samples, color=GREY, linewidth=0.7)
    axes.set_xscale("log")
    axes.set_xticks(ticks := [samples / _AHEAD, samples, samples * _AHEAD], [f"{tick:,.0f}" for tick in ticks])
    axes.minorticks_off()
    plain(axes, grid="y")


def _called(figure: str, label: str | None) -> Text:
    return Text(printable(call(figure) + ("" if label is None else f" of {label}")))
