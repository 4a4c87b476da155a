"""Plots of measured figures, drawn when the site is built, of the tables in which the figures stand alone."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from thawline.drawing import plain

FOLDER = "plots"
_COLOURS = ("#2a6f97", "#e07a1f", "#4d9078", "#8a5a83", "#8a8a8a")
_VALUE = re.compile(r"(-?[\d,]+(?:\.\d+)?)(?: ?%)?(?: [\[(](-?[\d.]+)(?:,| to) (-?[\d.]+)[\])])?")


@dataclass(frozen=True)
class Plot:
    """A plot of a table.

    Attributes:
        name: Its file's, without the ending.
        page: The page that has the table, below `docs/`.
        head: What the table's first row begins with, by which it is found.
        says: What is to be seen, for those who can't see it.
        draw: Draws the rows.
        shown: Whether it stands below the table; elsewhere a page names it.
    """

    name: str
    page: str
    head: str
    says: str
    draw: Callable[[Axes, list[str], list[list[str]]], None]
    shown: bool = True


@dataclass(frozen=True)
class Value:
    """A cell's figure and the interval or range behind it."""

    value: float
    low: float
    high: float


def value_of(cell: str) -> Value | None:
    """The figure that a cell begins with, or none."""
    found = _VALUE.match(cell.strip("* "))
    if not found:
        return None
    value = float(found[1].replace(",", ""))
    return Value(value, float(found[2] or value), float(found[3] or value))


def rows_of(markdown: str, head: str) -> tuple[list[str], list[list[str]]]:
    """The first row of the table that begins with `head`, and the others.

    Raises:
        ValueError: There is no such table.
    """
    lines = markdown.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith(head)), None)
    if first is None:
        raise ValueError(f"there is no table that begins with '{head}'; tools/docs/plots.py draws it")
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows[0], rows[2:]


def drawn(plot: Plot, docs: Path) -> str:
    """The plot as SVG; the same figures give the same text."""
    head, rows = rows_of((docs / plot.page).read_text(encoding="utf-8"), plot.head)
    with mpl.rc_context({"svg.hashsalt": plot.name, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(7.2, 0.9 + 0.42 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        plain(axes, "x")
        plot.draw(axes, head, rows)
        out = io.StringIO()
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return out.getvalue()


def with_plots(markdown: str, page: str) -> str:
    """A page with its plots below the tables that they are drawn of."""
    up = "../" * page.count("/")
    for plot in PLOTS:
        if plot.shown and plot.page == page:
            begin = markdown.index(f"\n{plot.head}") + 1
            end = markdown.find("\n\n", begin)
            end = len(markdown) if end < 0 else end
            markdown = f"{markdown[:end]}\n\n![{plot.says}]({up}{FOLDER}/{plot.name}.svg)\n{markdown[end:]}"
    return markdown


def _label(cell: str) -> str:
    return re.sub(r"[`*]", "", cell)


def _forest(columns: Sequence[int], unit: str) -> Callable[[Axes, list[str], list[list[str]]], None]:
    """Points with their intervals: a line a row, a colour a column."""

    def draw(axes: Axes, head: list[str], rows: list[list[str]]) -> None:
        for number, column in enumerate(columns):
            shift = (number - (len(columns) - 1) / 2) * 0.22
            values = [(place, value_of(row[column])) for place, row in enumerate(rows)]
            points = [(place + shift, value) for place, value in values if value]
            axes.errorbar(
                [value.value for _, value in points],
                [place for place, _ in points],
                xerr=[
                    [value.value - value.low for _, value in points],
                    [value.high - value.value for _, value in points],
                ],
                fmt="o",
                markersize=5,
                capsize=2,
                color=_COLOURS[number],
                label=_label(head[column]).partition(":")[0],
            )
        axes.set_yticks(range(len(rows)), [_label(row[0]) for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=len(columns))

    return draw


def _coverage(axes: Axes, head: list[str], rows: list[list[str]]) -> None:
    _forest((1, 2), "share of 95 % intervals that held the truth: mean, least and most")(axes, head, rows)
    axes.axvline(0.95, color="#d1495b", linewidth=1)
    axes.set_ylabel("groups")


def _seconds(axes: Axes, head: list[str], rows: list[list[str]]) -> None:
    """Bars on a logarithmic scale."""
    values = [value_of(row[1]) for row in rows]
    seconds = [value.value if value else 0 for value in values]
    usual = "#8a8a8a"
    colours = [_COLOURS[1] if "thawline" in row[0] else usual for row in rows]
    axes.barh(range(len(rows)), seconds, color=colours, height=0.6)
    for place, value in enumerate(seconds):
        axes.text(value * 1.06, place, f"{value:,g}", va="center")
    axes.set_xscale("log")
    axes.set_xlim(1, max(seconds) * 3)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_yticks(range(len(rows)), [_label(row[0]) for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(head[1])


PLOTS = (
    Plot(
        "coverage",
        "decisions/0003-intervals-without-a-bootstrap.md",
        "| groups | Wilson",
        "Share of 95 % intervals that held the truth, by the number of groups",
        _coverage,
    ),
    Plot(
        "methods",
        "methods.md",
        "| method | thaw | MobileNetV2",
        "Accuracy of each method with its 95 % interval, for three networks",
        _forest((2, 4, 6), "accuracy in percent, 95 % intervals"),
    ),
    Plot(
        "finetune",
        "performance.md",
        "| what | seconds, float32",
        "Seconds of the usual loop, of thawline train from an empty and a full store, and of the floor",
        _seconds,
    ),
    Plot(
        "search",
        "library.md",
        "| left of an entry",
        "Recall at 10 of words, words with synonyms, meaning, and all of them",
        _forest((1, 2, 3, 4), "recall@10 in percent, 95 % intervals"),
    ),
)
