"""What a simulation shows on the screen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thawline.judging.intervals import Estimate
from thawline.judging.wording import NOTHING, format_p, percent
from thawline.screen import say, say_next, say_whole

_MOST_COLUMNS = 5  # numbers of answers that the table has room for


def print_simulation(facts: Mapping[str, Any], run: Path, console: Console) -> None:
    """Print the accuracies, the tests against random, and what they come to; `facts` is `simulation.json`."""
    counts = ", ".join(f"{name} {count}" for name, count in facts["answers"].items())
    say(console, f"{facts['photos']:,} photos in {facts['groups']:,} groups: {counts}")
    say(
        console,
        f"{facts['seeds']} seeds; {100 * facts['wrong']:g} % of the answers are wrong; judged by the true answers to "
        f"{100 * facts['holdout']:g} % of the photos, which are never asked about",
    )
    console.print(_table(facts))
    say(console, facts["verdict"])
    last = facts["rounds"][-1]
    for name, one in facts["strategies"].items():
        if (fewer := one["as_good_as_random_with"]) is not None and one["against_random"]["beats_random"]:
            say(console, f"{name} is with {fewer} answers as good as random with {last}.")
    say_whole(console, f"run    {run}")
    say_next(console, ["thawline preference ask n=20"])


def _table(facts: Mapping[str, Any]) -> Table:
    rounds = facts["rounds"]
    columns = np.unique(np.linspace(0, len(rounds) - 1, min(len(rounds), _MOST_COLUMNS)).round().astype(int)).tolist()
    title = Text("accuracy in percent after so many answers; over random: all rounds, [95 %]")
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    for column in columns:
        table.add_column(str(rounds[column]), justify="right", no_wrap=True)
    table.add_column("over random", justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    for name, one in facts["strategies"].items():
        cells = [f"{100 * one['points'][column]['accuracy']['value']:.1f}" for column in columns]
        against = one.get("against_random")
        difference = NOTHING if against is None else percent(Estimate(**against["difference"]), sign="+")
        p_value = NOTHING if against is None else format_p(against["p_value_of_all"])
        table.add_row(Text(name), *cells, difference, p_value.removeprefix("p ").removeprefix("= "))
    return table
