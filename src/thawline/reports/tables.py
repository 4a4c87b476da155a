"""Results as tables on the console; they fit 80 columns, and any name is printed as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from thawline.judging.intervals import Estimate
from thawline.judging.metrics import Judgement, call
from thawline.judging.paired import PairedTest
from thawline.judging.wording import NOTHING, format_p, in_its_unit, is_share, percent
from thawline.screen import format_number, say

_NAME = 12  # columns that a name has at least
_ANY = 10_000  # columns of a screen that everything fits


@dataclass(frozen=True)
class ComparisonRow:
    """A row of the comparison.

    Attributes:
        name: the method or run.
        judgement: how good it is.
        against: its test as method a against the baseline as method b; None for the baseline itself.
    """

    name: str
    judgement: Judgement
    against: PairedTest | None = None


def print_comparison(judged: Sequence[ComparisonRow], console: Console) -> None:
    """Print methods judged on the same samples, each against the baseline, and a sentence for each test.

    Scores may have any size. Where the table would not fit, differences have no interval: the sentences have it.
    """
    table = _comparison(judged, intervals=True)
    longest = max(cell_len(row.name) for row in judged)
    folded = max(0, longest - _NAME)  # names fold, numbers don't
    if Measurement.get(console, console.options.update(width=_ANY), table).maximum - folded > console.width:
        table = _comparison(judged, intervals=False)
    console.print(table)
    for row in judged:
        if row.against is not None:
            say(console, row.against.summary())


def _comparison(judged: Sequence[ComparisonRow], *, intervals: bool) -> Table:
    """The table of `print_comparison`; whether differences from the baseline have their intervals."""
    first = max((row.judgement for row in judged), key=lambda judgement: judgement.samples)
    figure, shares = first.headline, is_share(first.headline)
    unit = "in percent, [95 %]" if shares else "[95 %]"
    table = _table(f"{_counted(first.samples, 'sample')} in {_counted(first.groups, 'group')}; {unit}")
    table.add_column("method", overflow="fold", ratio=1, min_width=_NAME)
    for heading in (call(figure), "log loss" if shares else call("rmse"), "over baseline", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in judged:
        loss, rmse, against = row.judgement.log_loss, row.judgement.own.get("rmse"), row.against
        gain = NOTHING if against is None else in_its_unit(figure, against.difference, sign="+")
        table.add_row(
            Text(row.name),
            in_its_unit(figure, row.judgement.score),
            format_number(rmse.value) if rmse else NOTHING if loss is None else f"{loss.value:.3f}",
            gain if intervals else gain.partition(" [")[0],
            NOTHING if against is None else format_p(against.p_value).removeprefix("p ").removeprefix("= "),
        )
    return table


def print_members(rows: Sequence[tuple[str, float, float, Judgement]], console: Console) -> None:
    """Print the members of an ensemble: name, weight, temperature, and how good each is alone, calibrated."""
    table = _table("members, each alone at its temperature; in percent, [95 %]")
    table.add_column("member", overflow="fold", ratio=1, min_width=12)
    for heading in ("weight", "temperature", "samples", "accuracy", "log loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, weight, temperature, judgement in rows:
        loss = NOTHING if judgement.log_loss is None else f"{judgement.log_loss.value:.3f}"
        figures = (f"{weight:.3f}", f"{temperature:.2f}", str(judgement.samples), percent(judgement.score), loss)
        table.add_row(Text(name), *figures)
    console.print(table)


def print_classes(judgement: Judgement, console: Console) -> None:
    """Print precision, recall and F1 of each class with their means, and what to mind; of scores the other figures."""
    if judgement.per_class:
        _print_each(judgement, console)
    for key, called, estimate in figures_beside(judgement):
        say(console, f"{called} {in_its_unit(key, estimate)}")
    for note in judgement.notes:
        say(console, note)


def _print_each(judgement: Judgement, console: Console) -> None:
    table = _table("by class, in percent, [95 %]")
    table.add_column("class", overflow="fold", ratio=1, min_width=12)
    for heading in ("samples", "precision", "recall", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in judgement.per_class:
        figures = [percent(e, digits=0) for e in (one.precision, one.recall, one.f1)]
        table.add_row(Text(one.name), str(one.support), *figures)
    table.add_section()
    means = [percent(e, digits=0) for e in (judgement.balanced_accuracy, judgement.macro_f1)]
    table.add_row(Text("class mean"), str(judgement.samples), NOTHING, *means)
    console.print(table)


def figures_beside(judgement: Judgement) -> Iterator[tuple[str, str, Estimate]]:
    """The figures that a judgement gives for all samples together besides its score, and what each is called."""
    for key, estimate in judgement.beside():
        if estimate is not None:
            yield key, call(key) + (f" of {judgement.classes[1]}" if key == "average_precision" else ""), estimate


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(title: str) -> Table:
    return Table(
        title=Text(title),
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
