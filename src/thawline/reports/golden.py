"""Golden cases as a table on the console: what was expected, what was said, and why a case failed."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.files import printable
from thawline.judging.wording import NOTHING
from thawline.tasks.bundle.golden import CaseResult


def print_golden(verdicts: Sequence[CaseResult], console: Console) -> None:
    """Print a row for each case, and how many passed."""
    passed = sum(verdict.passed for verdict in verdicts)
    title = Text(f"golden cases: {passed} of {len(verdicts)} passed; confidence in percent")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("file", "expected", "said"):
        table.add_column(heading, overflow="fold")
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("result", overflow="fold")
    for verdict in verdicts:
        table.add_row(
            Text(printable(verdict.case.file.name)),
            Text(verdict.case.expected),
            Text(", ".join(verdict.said) or NOTHING),
            NOTHING if verdict.confidence is None else f"{100 * verdict.confidence:.1f}",
            Text("passed" if verdict.passed else f"failed: {'; '.join(verdict.failures)}"),
        )
    console.print(table)
