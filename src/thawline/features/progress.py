"""What the passes show on screen: a bar where there is a terminal, and single lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from thawline import output, screen


def say(text: str) -> None:
    """A sentence on stderr, which `-q` leaves out."""
    screen.say(Console(stderr=True, quiet=output.form().quiet), text)


class _Speed(ProgressColumn):
    """Samples a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f} {self._unit}/s" if speed else "")


@contextmanager
def bar(what: str, unit: str, total: int | None) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr, silent where that is no terminal.

    Args:
        what: Is being done.
        unit: What is counted, plural.
        total: How many there are; None: nobody knows.

    Yields:
        A function to call with the number just finished.
    """
    console = Console(stderr=True, quiet=output.form().quiet)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Speed(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=console.quiet or not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda finished: progress.advance(task, finished)
