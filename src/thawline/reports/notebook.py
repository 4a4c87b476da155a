"""A comparison in a notebook: a pandas frame, and the page's plots and tables in the cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thawline.errors import UserError
from thawline.judging.metrics import Judgement
from thawline.judging.paired import PairedTest
from thawline.reports.comparison import Board, Comparison, Line, compare_entries
from thawline.reports.gather import gather
from thawline.reports.page.document import draw_page, write_page

if TYPE_CHECKING:
    import pandas as pd

_HEIGHT = 720


class ComparisonView:
    """What `thawline.compare` gives: as the last line of a notebook's cell it shows the page.

    Attributes:
        comparison: The boards with their judgements and tests.
        thumbnails: Whether the page holds small pictures of the worst mistakes.
    """

    def __init__(self, comparison: Comparison, *, thumbnails: bool = False) -> None:
        self.comparison = comparison
        self.thumbnails = thumbnails

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each run, setting and other system, the best of each board first; shares between 0 and 1."""
        import pandas as pd  # late: the page needs no frames

        frame = pd.DataFrame([row for board in self.comparison.boards for row in _rows(board)])
        for key in dict.fromkeys(key for line in self.comparison.lines for key in line.entry.swept):
            numbers = pd.to_numeric(frame[key], errors="coerce") if key in frame else None
            if numbers is not None and not (numbers.isna() & frame[key].notna()).any():
                frame[key] = numbers
        return frame

    def difference(self, one: str, other: str) -> PairedTest:
        """The paired test of two lines of one board, each by its `name` in the frame, on the samples that both judged.

        Raises:
            UserError: No board has both, or they have no sample in common.
        """
        for board in self.comparison.boards:
            found = {line.entry.label if board.rows else line.entry.name: line.entry for line in board.lines}
            if one in found and other in found:
                test = compare_entries(found[one], found[other])
                if test is None:
                    raise UserError(f"{one} and {other} have no sample in common")
                return test
        raise UserError(f"no board has both '{one}' and '{other}'; their names are in the frame's column 'name'")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to `path`, complete or not at all."""
        write_page(Path(path), self.comparison, thumbnails=self.thumbnails)

    def _repr_html_(self) -> str:
        """The page in a frame of its own: its styles and script can't meet the notebook's."""
        page = escape(draw_page(self.comparison, thumbnails=self.thumbnails), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="{_HEIGHT}" title="comparison" frameborder="0"></iframe>'


def compare(
    *directories: str | os.PathLike[str],
    others: Sequence[str | os.PathLike[str]] = (),
    thumbnails: bool = False,
) -> ComparisonView:
    """Put finished runs and sweeps side by side, as `thawline compare` does.

    Args:
        directories: Runs, sweeps, and folders of such.
        others: CSV files of other systems' predictions: path, prediction and, optionally, price_per_1000 and currency.
        thumbnails: Whether the worst mistakes are shown as small pictures; photos of people are private.

    Raises:
        UserError: There is nothing to compare, or it can't be compared.
    """
    if not directories:
        raise UserError("thawline.compare needs at least one run directory")
    paths = [Path(directory).expanduser().absolute() for directory in directories]
    comparison = gather(paths, [Path(other).expanduser().absolute() for other in others])
    return ComparisonView(comparison, thumbnails=thumbnails)


def _rows(board: Board) -> list[dict[str, Any]]:
    return [_row(board, rank, line) for rank, line in enumerate(board.lines, start=1)]


def _row(board: Board, rank: int, line: Line) -> dict[str, Any]:
    entry, judgement = line.entry, line.judgement
    loss = judgement.log_loss
    return {
        "board": board.title,
        "rank": rank,
        # Of a run its directory, by which it is found again; of a sweep's setting its words.
        "name": entry.label if board.rows else entry.name,
        "label": entry.label,
        "method": entry.method,
        "encoder": entry.encoder,
        **entry.swept,
        "samples": judgement.samples,
        "groups": judgement.groups,
        judgement.headline: judgement.score.value,
        "low": judgement.score.low,
        "high": judgement.score.high,
        "log_loss": loss.value if loss else None,
        **_figures(judgement),
        **_test("best", line.against_best),
        **_test("baseline", line.against_baseline),
        "seconds": entry.seconds,
        "features_computed": entry.computed if entry.certain else None,
        "features_read": entry.read if entry.certain else None,
        "price_per_1000": entry.price,
        "currency": entry.currency or None,
    }


def _figures(judgement: Judgement) -> dict[str, float]:
    """The figures besides the score, each with its interval."""
    found: dict[str, float] = {}
    for key, one in judgement.beside():
        if one is not None:
            found |= {key: one.value, f"{key}_low": one.low, f"{key}_high": one.high}
    return found


def _test(against: str, test: PairedTest | None) -> dict[str, float | None]:
    difference = test.difference if test else None
    return {
        f"over_{against}": difference.value if difference else None,
        f"over_{against}_low": difference.low if difference else None,
        f"over_{against}_high": difference.high if difference else None,
        f"p_{against}": test.p_value if test else None,
    }
