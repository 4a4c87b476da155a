"""Any two of a board, by the paired test: two choices and, by the page's script, the sentence about them."""

from __future__ import annotations

from thawline.html import Html, clean, data_block, tag
from thawline.reports.comparison import Board, compare_entries

MOST = 16  # of which each is tested against each: 120 tests
_NOTHING = "The two have no sample in common."


def draw_pairs(number: int, board: Board) -> Html | None:
    """The choice of two lines of the board `number`, best against second at first."""
    lines = board.lines[:MOST]
    if len(lines) < 2:
        return None
    said = [
        [
            clean(_NOTHING if (test := compare_entries(one.entry, other.entry)) is None else f"{test.summary()}.")
            for other in lines[place:]
        ]
        for place, one in enumerate(lines, start=1)
    ]
    names = [f"{rank} {clean(line.entry.label)}" for rank, line in enumerate(lines, start=1)]

    def choice(label: str, chosen: int) -> Html:
        options = [tag("option", name, value=i, selected=i == chosen) for i, name in enumerate(names)]
        return tag("label", label, tag("select", *options))

    most = f" Here are the first {MOST} of {len(board.lines)}." if len(board.lines) > MOST else ""
    return tag(
        "section",
        tag("h3", "Any two, in pairs"),
        tag(
            "p", f"On the samples that both judged; the p-values are not adjusted for the choice.{most}", class_="note"
        ),
        tag("div", choice("One", 0), choice("Other", 1), class_="choose"),
        tag("p", said[0][0], aria_live="polite"),
        tag("noscript", tag("p", "Choosing needs JavaScript.")),
        data_block(f"pairs{number}", said),
        class_="pair",
    )
