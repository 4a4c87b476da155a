"""The page as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thawline.files import write_text
from thawline.html import Html, clean, data_block, head, join, name, tag
from thawline.reports.comparison import Board, Comparison, Line
from thawline.reports.configs import differing
from thawline.reports.page.course import draw_course
from thawline.reports.page.examined import draw_examined
from thawline.reports.page.mistakes import Thumbnails, draw_mistakes
from thawline.reports.page.pairs import draw_pairs
from thawline.reports.page.parallel import draw_parallel
from thawline.reports.page.pareto import draw_pareto
from thawline.reports.page.plots import draw_curves, draw_own_curves, draw_settings
from thawline.reports.page.ranking import draw_ranking
from thawline.reports.page.tables import draw_costs, draw_judgement, draw_leaderboard, shown
from thawline.reports.page.weights import draw_importances

_COST = (
    "Seconds are wall time, computing features included; what a sweep's settings share is counted with the sweep, not "
    "with its settings. Features that were read cost no forward pass."
)
_NO_PHOTOS = (
    "Worst mistakes are listed by file name: this page holds no photo, since photos of people are private. "
    "'thawline compare … thumbnails=true' makes a page with small pictures of them."
)
_TEXTS = "It holds the texts of the worst mistakes, and no others."
_PHOTOS = "This page holds small pictures of the worst mistakes: mind whom you give it to."


def write_page(path: Path, comparison: Comparison, *, thumbnails: bool = False) -> None:
    """Write the page to `path`, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, draw_page(comparison, thumbnails=thumbnails))


def draw_page(comparison: Comparison, *, thumbnails: bool = False) -> str:
    """One HTML document that needs nothing else; the same comparison gives the same text.

    Args:
        comparison: What is shown.
        thumbnails: Whether the worst mistakes are embedded as small pictures.
    """
    style, script = (Path(__file__).with_name(file).read_text(encoding="utf-8") for file in ("style.css", "script.js"))
    pictures = Thumbnails() if thumbnails else None
    boards = [_board(number, board, pictures) for number, board in enumerate(comparison.boards)]
    contents = [(f"board{number}", board.title) for number, board in enumerate(comparison.boards)]
    configs = _configs(comparison.lines)
    contents += [("differ", "What differs between two configs")] if configs else []
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", "Comparison"),
            tag("p", _PHOTOS if thumbnails else _NO_PHOTOS, class_="note"),
            tag("p", _TEXTS, class_="note") if any(line.entry.pairs for line in comparison.lines) else None,
            tag(
                "nav",
                tag("ul", *(tag("li", tag("a", name(t), href=f"#{at}")) for at, t in contents)),
                aria_label="contents",
            ),
        ),
        tag("main", *boards, configs, _left_out(comparison.left_out)),
        tag("footer", "Made by thawline compare. The run directories hold every number of this page."),
        tag("script", Html(script)),
    )
    return "<!doctype html>\n" + tag("html", head("Thawline: comparison", style, script), body, lang="en") + "\n"


def _board(number: int, board: Board, pictures: Thumbnails | None) -> Html:
    ids = [f"board{number}-{rank}" for rank in range(1, len(board.lines) + 1)]
    return tag(
        "section",
        tag("h2", name(board.title), id=f"board{number}"),
        tag("p", *_summary(board)),
        tag("p", board.note, class_="note"),
        *(tag("p", note) for line in board.lines for note in line.entry.notes),
        _next(board.advice),
        draw_leaderboard(board, ids),
        draw_ranking(board),
        draw_parallel(board.rows),
        draw_settings(board),
        draw_importances(board),
        draw_pareto(board),
        draw_course(board),
        draw_curves(board),
        draw_pairs(number, board),
        tag("section", tag("h3", "Cost"), tag("p", _COST, class_="note"), draw_costs(board)),
        tag(
            "section",
            tag("h3", "One by one: tests, figures by class, worst mistakes"),
            *(_line(rank, line, ids[rank - 1], pictures) for rank, line in enumerate(board.lines, start=1)),
        ),
        _failed(board.failed),
        aria_labelledby=f"board{number}",
    )


def _summary(board: Board) -> list[Html | str]:
    """Which run is best, and how many of the others it can be told apart from."""
    best = next(line for line in board.lines if line.against_best is None)
    said: list[Html | str] = [
        f"{best.judgement.samples:,} samples in {best.judgement.groups:,} groups. ",
        "The best setting is " if board.rows else "The best run is ",
        tag("strong", name(best.entry.label)),
        " with ",
        shown(best.judgement.headline, best.judgement.score),
        ".",
    ]
    tests = [line.against_best for line in board.lines if line.against_best is not None]
    if tests:
        alike = sum(not test.differs for test in tests)
        said.append(f" Of the {len(tests)} others, {alike} cannot be told apart from it (paired test, p ≥ 0.05).")
    return said


def _next(advice: Sequence[str]) -> Html | None:
    if not advice:
        return None
    items = [tag("li", name(sentence)) for sentence in advice]
    return tag("section", tag("h3", "What to try next"), tag("ul", *items, class_="plain"))


def _line(rank: int, line: Line, target: str, pictures: Thumbnails | None) -> Html:
    baseline = join(f"Baseline ({line.entry.baseline}): ", shown(line.baseline.headline, line.baseline.score), ".")
    tests = [test for test in (line.against_best, line.against_baseline) if test is not None]
    curves = draw_own_curves(line)
    return tag(
        "details",
        tag(
            "summary",
            tag("span", str(rank), class_="rank"),
            name(line.entry.label),
            tag("span", shown(line.judgement.headline, line.judgement.score), class_="score"),
        ),
        tag(
            "div",
            *(tag("p", f"{test.summary()}.") for test in tests),
            tag("p", baseline),
            *(tag("p", note, class_="note") for note in line.judgement.notes),
            *draw_judgement(line.judgement),
            *draw_examined(line.entry.examined),
            None if curves is None else tag("h4", "Loss, first fold"),
            curves,
            tag("h4", "Worst mistakes"),
            draw_mistakes(line.entry, pictures),
            class_="inside",
        ),
        id=target,
    )


def _failed(failed: Sequence[str]) -> Html | None:
    if not failed:
        return None
    items = [tag("li", name(one)) for one in failed]
    return tag("section", tag("h3", f"Trials that did not finish: {len(items)}"), tag("ul", *items, class_="plain"))


def _left_out(left_out: Sequence[str]) -> Html | None:
    if not left_out:
        return None
    items = [tag("li", name(one)) for one in left_out]
    return tag("section", tag("h2", "Left out"), tag("ul", *items, class_="plain"))


def _configs(lines: Sequence[Line]) -> Html | None:
    """Two choices and, by the page's script, what differs between them."""
    entries = [line.entry for line in lines if line.entry.config]
    if len(entries) < 2:
        return None
    found = differing({entry.name: entry.config for entry in entries})
    names = [clean(entry.name) for entry in entries]
    configs = [{clean(k): clean(v) for k, v in found[entry.name].items()} for entry in entries]

    other = next((i for i, config in enumerate(configs) if config != configs[0]), 1)

    def choice(identifier: str, label: str, chosen: int) -> Html:
        options = [tag("option", said, value=i, selected=i == chosen) for i, said in enumerate(names)]
        return tag("label", label, tag("select", *options, id=identifier))

    head = tag("tr", *(tag("th", said, scope="col", class_="value") for said in ("setting", "one", "other")))
    empty = tag("table", tag("thead", head), tag("tbody"))
    return tag(
        "section",
        tag("h2", "What differs between two configs", id="differ"),
        tag("div", choice("left", "One", 0), choice("right", "Other", other), class_="choose"),
        tag("p", id="differing", aria_live="polite"),
        tag(
            "div",
            empty,
            class_="scroll",
            id="difference",
            hidden=True,
            tabindex=0,
            role="region",
            aria_label="differences",
        ),
        tag("noscript", tag("p", "Choosing needs JavaScript.")),
        data_block("configs", {"names": names, "configs": configs}),
        aria_labelledby="differ",
    )
