"""How much of a sweep's scores each setting explains, as a table with bars."""

from __future__ import annotations

from thawline.html import Html, tag
from thawline.reports.comparison import Board
from thawline.reports.importances import Importance, trials_needed
from thawline.reports.page.tables import heading, number_cell, table, text_cell

_WIDTH, _HEIGHT = 132, 18
_NOTE = (
    "The share of the scores' variance that a setting explains alone (fANOVA), and the largest share that it had when "
    "it was shuffled among the trials, 19 times: what is not above that, drawn as a dashed line, can be chance."
)


def draw_importances(board: Board) -> Html | None:
    """The settings, the most important first; where the trials are too few, how many it takes."""
    if not board.trials:
        return None
    title = tag("h3", "What the settings explain")
    if not board.importances:
        finished = sum(one.score is not None for one in board.trials)
        needed = trials_needed(board.trials)
        said = (
            f"How much each setting explains is said from {needed} finished trials on; here are {finished}."
            if finished < needed
            else "All trials have the same score, or nothing varies."
        )
        return tag("section", title, tag("p", said, class_="note"))
    head = [heading("setting", "ascending"), heading("explains, %", "descending", numeric=True)]
    head += [tag("th", "of all", scope="col"), heading("by chance, %", "descending", numeric=True)]
    head.append(heading("so", "ascending"))
    return tag("section", title, tag("p", _NOTE), table(head, [_row(one) for one in board.importances], "Importances"))


def _row(one: Importance) -> Html:
    told = " told" if one.matters else ""
    return tag(
        "tr",
        text_cell(one.key),
        tag("td", f"{100 * one.value:.1f}", class_=f"number{told}", data_value=one.value),
        tag("td", _bar(one)),
        number_cell(one.noise, f"{100 * one.noise:.1f}"),
        text_cell("matters" if one.matters else "no more than chance"),
    )


def _bar(one: Importance) -> Html:
    middle = _HEIGHT / 2
    mark = f"{min(1.0, one.noise) * _WIDTH:.1f}"
    return tag(
        "svg",
        tag("line", x1=0, x2=f"{min(1.0, one.value) * _WIDTH:.1f}", y1=middle, y2=middle, class_="weight"),
        tag("line", x1=mark, x2=mark, y1=0, y2=_HEIGHT, class_="mark"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        class_="glyph",
        aria_hidden="true",
    )
