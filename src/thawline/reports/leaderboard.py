"""A sweep's leaderboard: on the console, and as CSV."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.judging.intervals import Estimate
from thawline.judging.metrics import call
from thawline.judging.paired import PairedTest
from thawline.judging.wording import NOTHING, format_p, in_its_unit, is_share, with_unit
from thawline.screen import format_number, say
from thawline.targets.leaderboard import Row

COLUMNS = (
    "rank",
    "setting",
    "trials",
    "accuracy",
    "low",
    "high",
    "log_loss",
    "over_best",
    "p_best",
    "over_baseline",
    "p_baseline",
    "seconds",
    "features_computed",
    "features_read",
)


def print_leaderboard(rows: Sequence[Row], console: Console) -> None:
    """Print the settings in order of their inner scores, with tests against the best and against the baseline."""
    first = rows[0].judgement
    figure, shares = first.headline, is_share(first.headline)
    table = Table(
        title=f"leaderboard: {first.samples:,} inner samples in {first.groups:,} groups; "
        + ("in percent, [95 %]" if shares else "[95 %]"),
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,  # no blank columns at the sides
        pad_edge=False,
        padding=0,  # the box has a blank between columns
    )
    table.add_column("", justify="right", no_wrap=True)
    headings, cells = _settings([row.setting for row in rows])
    for heading, values in zip(headings, zip(*cells, strict=True), strict=True):
        longest = max(map(len, (heading, *values)))
        table.add_column(heading, overflow="fold", ratio=1 if len(headings) == 1 else None, min_width=min(longest, 8))
    for heading in (figure if shares else call(figure), "-best", "p", "-base", "p", "s", "feat."):
        table.add_column(heading, justify="right", no_wrap=True)
    most = max(row.judgement.samples for row in rows)
    for number, (row, said) in enumerate(zip(rows, cells, strict=True), start=1):
        table.add_row(
            str(number),
            *(Text(cell) for cell in [*said[:-1], said[-1] + _extent(row, most)]),
            in_its_unit(figure, row.judgement.score, digits=0),
            *_test(row.against_best),
            *_test(row.against_baseline),
            f"{row.seconds:.1f}" if row.seconds < 10 else f"{row.seconds:.0f}",
            f"{_short(row.computed)}+{_short(row.read)}",
        )
    console.print(table)
    console.print()
    say(
        console,
        f"-best, -base: {'points above' if shares else 'less error than'} the best and the baseline, and the p of the "
        "paired test, not adjusted for the "
        "number of settings; feat.: features computed + read by the trials themselves",
    )


def print_front(front: Sequence[Mapping[str, Any]], objectives: Sequence[str], figure: str, console: Console) -> None:
    """Print the Pareto front, the trials that no other beats in all objectives, the best `figure` first."""
    shown: dict[str, Callable[[Any], str]] = {
        "score": lambda score: with_unit(figure, score),
        "seconds": lambda seconds: f"{seconds:.1f}",
        "bytes": lambda count: f"{count:,}",
    }
    table = Table(
        title="front: no other trial is better in one and as good in the others",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=0,
    )
    table.add_column("trial", justify="right")
    table.add_column("setting", overflow="fold", ratio=1)
    for name in objectives:
        table.add_column(name, justify="right", no_wrap=True)
    for one in front:
        table.add_row(str(one["number"]), Text(one["setting"]), *(shown[name](one[name]) for name in objectives))
    console.print(table)
    console.print()


def _settings(settings: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells for what was swept: a column for each key where every row has the same few, otherwise one."""
    split = [dict(word.partition("=")[::2] for word in re.split(r" (?=[\w./@+~]+=)", one)) for one in settings]
    keys = list(split[0])
    if not 1 < len(keys) <= 4 or any(list(one) != keys for one in split):
        return ["setting"], [[one] for one in settings]
    last = [key.rpartition(".")[2] for key in keys]
    headings = last if len(set(last)) == len(last) else keys
    return headings, [list(one.values()) for one in split]


def _extent(row: Row, most: int) -> str:
    """How many trials a row stands for, and that it lacks some where others have them."""
    times = f" x{len(row.trials)}" if len(row.trials) > 1 else ""
    return times if row.judgement.samples == most else f"{times} ({row.judgement.samples} of {most} samples)"


def leaderboard_csv(rows: Sequence[Row]) -> str:
    """The same as CSV, with further figures; numbers between 0 and 1."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    first = rows[0].judgement
    beside = [key for key, _ in first.beside()]
    writer.writerow(
        [
            *(first.headline if column == "accuracy" else column for column in COLUMNS),
            *(f"{key}{end}" for key in beside for end in ("", "_low", "_high")),
        ]
    )
    for number, row in enumerate(rows, start=1):
        score, loss = row.judgement.score, row.judgement.log_loss
        figures = dict(row.judgement.figures())
        writer.writerow(
            [
                number,
                row.setting,
                " ".join(map(str, row.trials)),
                score.value,
                score.low,
                score.high,
                loss.value if loss else "",
                *_numbers(row.against_best),
                *_numbers(row.against_baseline),
                round(row.seconds, 2),
                row.computed,
                row.read,
                *(x for key in beside for x in _interval(figures[key])),
            ]
        )
    return text.getvalue()


def _test(test: PairedTest | None) -> tuple[str, str]:
    if test is None:
        return NOTHING, NOTHING
    # 80 columns: ".031", "<.0001", "1.000"
    p = format_p(test.p_value).removeprefix("p ").removeprefix("= ").replace("< 0.", "<.")
    value = test.difference.value
    return f"{100 * value:+.1f}" if is_share(test.of) else format_number(value, sign="+"), p.removeprefix("0")


def _short(count: int) -> str:
    return str(count) if count < 100_000 else f"{count / 1000:.0f}k"


def _interval(estimate: Estimate | None) -> tuple[float | str, ...]:
    return ("", "", "") if estimate is None else (estimate.value, estimate.low, estimate.high)


def _numbers(test: PairedTest | None) -> tuple[float | str, float | str]:
    return ("", "") if test is None else (test.difference.value, test.p_value)
