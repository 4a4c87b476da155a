"""Gates as a table on the console: what was wanted, what is reached, and how many samples would decide."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.decisions.gates import MET, MISSED, UNDECIDABLE, Gates, Verdict
from thawline.files import printable
from thawline.judging.wording import percent
from thawline.screen import say

_BY = {"low": "the lower bound of the 95 % interval must reach it", "value": "the figure itself must reach it"}


def print_gates(gates: Gates, verdicts: Sequence[Verdict], console: Console, samples: str) -> None:
    """Print a row for each gate, and a sentence for each that is undecidable; `samples` are photos, say."""
    counts = [f"{sum(one.verdict == what for one in verdicts)} {what}" for what in (MET, MISSED, UNDECIDABLE)]
    title = Text(f"gates of {printable(gates.path.name)}: {', '.join(counts)}; {_BY[gates.by]}")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("gate", overflow="fold")
    for heading in ("wanted", "reached", samples):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for one in verdicts:
        wanted = f"{100 * one.gate.wanted:g}"
        row = (wanted, percent(one.estimate), f"{one.samples:,}", one.verdict)
        table.add_row(Text(printable(one.gate.called)), *row)
    console.print(table)
    for sentence in undecided(verdicts, samples):
        say(console, sentence)


def undecided(verdicts: Sequence[Verdict], samples: str) -> Iterator[str]:
    """A sentence for each undecidable gate: how many samples would decide it."""
    for one in verdicts:
        if one.verdict != UNDECIDABLE:
            continue
        if one.estimate is None:
            yield f"{one.gate.called}: there are none to judge it by"
        elif one.enough is None:
            yield f"{one.gate.called}: it is exactly what is wanted, which no number of {samples} would decide"
        else:
            yield (
                f"{one.gate.called}: undecidable with {one.samples:,} {samples}; about {one.enough:,} would decide, "
                "if the figure stayed"
            )
