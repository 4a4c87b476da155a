"""The tables of the page: leaderboards, cost, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thawline.html import Html, join, name, tag
from thawline.judging.intervals import Estimate, IntArray
from thawline.judging.metrics import Confusion, Judgement, call
from thawline.judging.paired import PairedTest
from thawline.judging.wording import (
    factor_of,
    format_p,
    format_points,
    in_its_unit,
    is_share,
    least_is_best,
)
from thawline.reports.comparison import Board, Line
from thawline.reports.labels import describe
from thawline.reports.swept import shortened
from thawline.reports.tables import figures_beside
from thawline.screen import format_number

_MOST_CLASSES = 24
_MOST_CONFUSIONS = 12
_MOST_KEYS = 6
_LONG, _WHOLE = 32, 14  # characters from which on a name is broken into lines, and up to which it never is
_GLYPH_WIDTH, _GLYPH_HEIGHT = 132, 18


def draw_leaderboard(board: Board, ids: Sequence[str]) -> Html:
    """The lines of a board with their intervals and tests; `ids` has where each leads to."""
    keys = list(board.varied)[:_MOST_KEYS] if board.rows else []
    said = ["name"] if not board.rows else keys or ["setting"]
    partial = len({line.judgement.samples for line in board.lines}) > 1
    figure = board.headline
    order = "ascending" if least_is_best(figure) else "descending"
    second = "log loss" if is_share(figure) else call("rmse")
    numbers = [figure, second, "over the best", "p", "over the baseline", "p"]
    head = [
        heading("#", "ascending", numeric=True),
        heading(_called(figure), order, numeric=True),
        *(heading(one, "ascending") for one in shortened(said)),
        tag("th", "95 % interval", scope="col"),
        *(heading(one, "ascending" if one in ("p", second) else "descending", numeric=True) for one in numbers[1:]),
        heading("samples", "descending", numeric=True) if partial else None,
    ]
    scale = _scale(board)
    mark = next(line.judgement.score.value for line in board.lines if line.against_best is None)
    rows = []
    for number, (line, target) in enumerate(zip(board.lines, ids, strict=True), start=1):
        best = line.against_best is None
        cells = [
            number_cell(number, tag("a", str(number), href=f"#{target}", aria_label=f"{number}, {line.entry.label}")),
            score_cell(line.judgement),
            *(map(text_cell, _setting(line, keys)) if board.rows else [_name_cell(line)]),
            tag("td", _glyph(line.judgement.score, mark, scale)),
            _second(line.judgement),
            *_test(line.against_best),
            *_test(line.against_baseline),
            number_cell(line.judgement.samples) if partial else None,
        ]
        rows.append(tag("tr", *cells, class_="best" if best else None))
    return table(head, rows, board.title, "sortable compact")


def draw_costs(board: Board) -> Html:
    """What each line cost: seconds, features, the price that another system asks."""
    priced = any(line.entry.price is not None for line in board.lines)
    said = _in_parts if board.rows else name
    head = [
        heading("setting" if board.rows else "name", "ascending"),
        heading(_called(board.headline), "ascending" if least_is_best(board.headline) else "descending", numeric=True),
        heading("seconds", "ascending", numeric=True),
        heading("features computed", "ascending", numeric=True),
        heading("features read", "ascending", numeric=True),
        heading("price per 1,000", "ascending", numeric=True) if priced else None,
    ]
    rows = []
    for line in board.lines:
        entry, own = line.entry, line.entry.certain
        seconds = None if entry.seconds is None else f"{entry.seconds:,.1f}"
        cells = [
            tag("th", said(entry.label), scope="row", class_=_wrap(entry.label), data_value=entry.label),
            score_cell(line.judgement),
            number_cell(entry.seconds, seconds),
            number_cell(entry.computed if own else None),
            number_cell(entry.read if own else None),
            number_cell(entry.price, entry.priced) if priced else None,
        ]
        rows.append(tag("tr", *cells))
    return table(head, rows, f"Cost: {board.title}")


def draw_judgement(judgement: Judgement) -> list[Html]:
    """What is known of a line besides its score: other figures, those of each class, and what is taken for what."""
    figures = [tag("li", f"{called}: ", shown(key, one)) for key, called, one in figures_beside(judgement)]
    parts = [tag("h4", "Figures"), tag("ul", *figures, class_="plain")]
    if judgement.per_class:
        parts += [tag("h4", "By class"), _classes(judgement)]
    if judgement.confusion is not None:
        parts += [tag("h4", "Confusion matrix"), _confusion(judgement.classes, judgement.confusion)]
    return parts


def _classes(judgement: Judgement) -> Html:
    """The figures of each class; of many classes those with the lowest F1."""
    names = [key for key, _ in judgement.figures_of(judgement.per_class[0])]
    head = [heading("class", "ascending"), heading("samples", "descending", numeric=True)]
    head += [heading(call(key), "ascending", numeric=True) for key in names]
    per_class = list(judgement.per_class)
    if len(per_class) > _MOST_CLASSES:
        per_class = sorted(per_class, key=lambda one: one.f1.value if one.f1 else 1.0)[:_MOST_CLASSES]
    rows = []
    for one in per_class:
        figures = [number_cell(None) if each is None else share_cell(each) for _, each in judgement.figures_of(one)]
        rows.append(tag("tr", text_cell(one.name), number_cell(one.support), *figures))
    drawn = table(head, rows, "By class")
    if len(per_class) == len(judgement.per_class):
        return drawn
    note = f"{len(judgement.per_class)} classes; the {len(per_class)} with the lowest F1."
    return join(tag("p", note, class_="note"), drawn)


def _confusion(classes: Sequence[str], confusion: Confusion) -> Html:
    """The confusion matrix: counts as numbers, shares of the true class as shading; of many classes the worst pairs."""
    counts = confusion.counts
    shares = np.nan_to_num(confusion.shares.value)
    if len(classes) > _MOST_CLASSES:
        return _worst_pairs(classes, counts)
    head = [tag("th", "true ↓ said →", scope="col"), *(tag("th", name(c), scope="col") for c in classes)]
    rows = []
    for i, true in enumerate(classes):
        cells = [tag("th", name(true), scope="row")]
        for j in range(len(classes)):
            shade = f"s{int(np.ceil(6 * shares[i, j]))}" if counts[i, j] else ""
            cells.append(
                tag("td", str(counts[i, j]) if counts[i, j] else "", class_=f"{shade} right" if i == j else shade)
            )
        rows.append(tag("tr", *cells))
    return table(head, rows, "Confusion matrix", class_="confusion")


def _worst_pairs(classes: Sequence[str], matrix: IntArray) -> Html:
    counts = matrix.copy()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, counts.shape), strict=True) if counts[i, j]]
    head = [tag("th", one, scope="col") for one in ("true", "said", "samples")]
    rows = [tag("tr", text_cell(classes[i]), text_cell(classes[j]), number_cell(int(counts[i, j]))) for i, j in pairs]
    return join(
        tag("p", f"{len(classes)} classes; the most frequent confusions.", class_="note"),
        table(head, rows, "Confusions", class_="confusion"),
    )


def table(head: Sequence[Html | None], rows: Sequence[Html], about: str, class_: str = "sortable") -> Html:
    """A table in a box that scrolls, by keyboard too, so that the page itself never does sideways."""
    inner = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_=class_)
    return tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=about)


def shown(figure: str, estimate: Estimate) -> Html:
    """An estimate of a figure and, standing back, its interval: of a share in percent, otherwise as it is."""
    if is_share(figure):
        return percent(estimate, " %")
    value, interval = in_its_unit(figure, estimate).split(" ", 1)
    return join(f"{value} ", tag("span", interval, class_="range"))


def percent(estimate: Estimate, unit: str = "") -> Html:
    """An estimate in percent and, standing back, its interval."""
    value, low, high = (100 * x for x in (estimate.value, estimate.low, estimate.high))
    return join(f"{value:.1f}{unit} ", tag("span", f"[{low:.1f}, {high:.1f}]", class_="range"))


def _setting(line: Line, keys: Sequence[str]) -> list[str]:
    return [line.entry.swept.get(key, "") for key in keys] if keys else [line.entry.label]


def _name_cell(line: Line) -> Html:
    """What a run is called, and below it what that does not say: its directory, or its method and encoder."""
    entry = line.entry
    beside = entry.name if entry.label != entry.name else describe(entry)
    note = None if beside == entry.label else tag("span", name(beside), class_="note under")
    return tag("td", name(entry.label), note, class_="words", data_value=entry.label)


def heading(said: str, first: str, *, numeric: bool = False) -> Html:
    """A heading that sorts; `first` is the order that its first click gives."""
    return tag("th", said, scope="col", data_sort=first, class_="number" if numeric else None)


def text_cell(said: str) -> Html:
    """A name or another text."""
    return tag("td", name(said), class_=_wrap(said), data_value=said)


def _wrap(said: str) -> str | None:
    return "words" if len(said) > _LONG else "part" if len(said) <= _WHOLE else None


def _in_parts(label: str) -> Html:
    """A setting's words, of which none is broken that is short."""
    parts = [tag("span", one, class_="part") if len(one) <= _LONG else one for one in label.split(" ")]
    return tag("bdi", *(piece for part in parts for piece in (part, " ")))


def number_cell(value: float | None, said: str | None = None) -> Html:
    """A number, by which the column sorts, as `said`; None is a dash."""
    if value is None:
        return tag("td", "-", class_="number range")
    return tag("td", said or f"{value:,}", class_="number", data_value=value)


def share_cell(estimate: Estimate) -> Html:
    """A share in percent with its interval."""
    return tag("td", percent(estimate), class_="number", data_value=estimate.value)


def score_cell(judgement: Judgement) -> Html:
    """The figure that judgements are ranked by, with its interval."""
    score = judgement.score
    said = percent(score) if is_share(judgement.headline) else shown(judgement.headline, score)
    return tag("td", said, class_="number", data_value=score.value)


def _called(figure: str) -> str:
    """What heads the column of a figure."""
    return figure if is_share(figure) else call(figure)


def _second(judgement: Judgement) -> Html:
    """The figure that stands beside that by which judgements are ranked: the log-loss, of scores the RMSE."""
    loss, rmse = judgement.log_loss, judgement.own.get("rmse")
    if rmse is not None:
        return number_cell(rmse.value, format_number(rmse.value))
    return number_cell(None) if loss is None else number_cell(loss.value, f"{loss.value:.3f}")


def _test(test: PairedTest | None) -> tuple[Html, Html]:
    """The difference, of shares in points, and its p; what can be told apart stands out."""
    if test is None:
        return number_cell(None), number_cell(None)
    one = test.difference
    ends, most = (one.value, one.low, one.high), max(abs(one.low), abs(one.high))
    shares = is_share(test.of)
    value, low, high = (format_points(x, "+") if shares else format_number(x, most, "+") for x in ends)
    said = join(f"{value} ", tag("span", f"[{low}, {high}]", class_="range"))
    told = " told" if test.differs else ""
    p = format_p(test.p_value).removeprefix("p ").removeprefix("= ")
    return (
        tag("td", said, class_=f"number{told}", data_value=factor_of(test.of) * one.value),
        tag("td", p, class_=f"number{told}", data_value=test.p_value),
    )


def _scale(board: Board) -> tuple[float, float]:
    """The range of scores that the glyphs of a board span."""
    lows, highs = zip(*((x.judgement.score.low, x.judgement.score.high) for x in board.lines), strict=True)
    return min(lows), max(max(highs), min(lows) + 1e-6)


def _glyph(score: Estimate, mark: float, scale: tuple[float, float]) -> Html:
    """The interval as a picture; the dashed line is where the board's best run is."""
    low, high = scale

    def across(value: float) -> str:
        return f"{4 + (value - low) / (high - low) * (_GLYPH_WIDTH - 8):.1f}"

    middle = _GLYPH_HEIGHT / 2
    return tag(
        "svg",
        tag("line", x1=across(mark), x2=across(mark), y1=0, y2=_GLYPH_HEIGHT, class_="mark"),
        tag("line", x1=across(score.low), x2=across(score.high), y1=middle, y2=middle, class_="bar"),
        tag("circle", cx=across(score.value), cy=middle, r=3.5),
        viewBox=f"0 0 {_GLYPH_WIDTH} {_GLYPH_HEIGHT}",
        class_="glyph",
        aria_hidden="true",
    )
