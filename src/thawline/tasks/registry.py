"""The tasks that there are. A new one is a folder, a line here, and its conf files."""

import importlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from thawline.errors import UserError
from thawline.fitting.fit import Problem
from thawline.fitting.folds import Fold
from thawline.fitting.methods import Fit
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.tasks.settings import CheckSettings, RunSettings

# The themes of lyrics that are inputs of a fit, in what was chosen for it.
THEMES = "themes"
# What a run is compared with.
ZERO_SHOT, MAJORITY, MOST_USUAL = "zero-shot", "majority class", "most usual labels"


class TaskData(Problem, Protocol):
    """What the verbs need of a task's data besides what fitting needs."""

    @property
    def sides(self) -> tuple[str, ...] | None:
        """The given split: a side or the number of a fold for each sample; None: none given."""

    @property
    def computed(self) -> int:
        """Features that were computed now."""

    @property
    def read(self) -> int:
        """Features that were read from the store."""

    @property
    def baseline(self) -> str:
        """What the run is compared with: `zero-shot`, `majority class`, or a name that the task gives it."""

    def examine(
        self, judged: Sequence[tuple[Fold, Fit]], predictions: Predictions, device: torch.device
    ) -> dict[str, Any] | None:
        """What the task says of `predictions` besides what is said of any classes, as plain JSON; None: nothing.

        `judged` are the folds with what was fitted for each; there are none where only predictions are at hand.
        """

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the samples that are of one group with a sample of another run."""

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each sample's place in the run."""


class TaskReader(Protocol):
    """Reads a task's data and brings it to the thaw line."""

    def __call__(self, settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None) -> TaskData:
        """Read the data of `settings`; `classes` are those of a finished run, when other data are judged by it."""


@dataclass(frozen=True)
class Filled:
    """What one feature pass did.

    Attributes:
        report: What the collection holds, as plain JSON.
        photos: Photos that can be used.
        computed: Features that were computed.
        read: Features that the store had.
        opened: Files that were opened.
        seconds: That it took.
    """

    report: dict[str, Any]
    photos: int
    computed: int
    read: int
    opened: int
    seconds: float


class TaskFiller(Protocol):
    """Computes the features of several runs in one pass."""

    def __call__(self, runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
        """Fill the store for `runs`, which differ only above their thaw lines and in where these lie.

        Runs whose thaw line the encoder does not have are left out, and `refusals` gets the reason; None: all were.
        """


class TaskChecker(Protocol):
    """Says what a task's data hold."""

    def __call__(self, settings: CheckSettings, console: Console) -> dict[str, Any]:
        """Show it on `console`, and give it as plain JSON."""


@dataclass(frozen=True)
class _Task:
    """A task.

    Attributes:
        kind: What its samples are called.
        reader: Where its reader is, as `module:function`: functions are imported only when they are used.
        filler: Where what computes its features is.
        checker: Where what says what its data hold is.
        columns: What tells a table of its samples; none: they are in folders alone.
    """

    kind: str
    reader: str
    filler: str
    checker: str
    columns: tuple[str, ...] = ()


_TASKS = {
    "events": _Task(
        kind="photos",
        reader="thawline.tasks.events.data:read_events",
        filler="thawline.tasks.events.features:fill_events",
        checker="thawline.tasks.events.check:check_events",
    ),
    "genre": _Task(
        kind="tracks",
        reader="thawline.tasks.genre.data:read_genre",
        filler="thawline.tasks.genre.features:fill_genre",
        checker="thawline.tasks.genre.check:check_genre",
        columns=("audio_path",),
    ),
    "match": _Task(
        kind="pairs",
        reader="thawline.tasks.match.data:read_match",
        filler="thawline.tasks.match.features:fill_match",
        checker="thawline.tasks.match.check:check_match",
        columns=("image_path", "text"),
    ),
}


def task_reader(name: str) -> TaskReader:
    """The function that reads the data of task `name`.

    Raises:
        UserError: There is no such task.
    """
    reader: TaskReader = _function(_task(name).reader)
    return reader


def task_filler(name: str) -> TaskFiller:
    """The function that computes the features of task `name`.

    Raises:
        UserError: There is no such task.
    """
    filler: TaskFiller = _function(_task(name).filler)
    return filler


def task_checker(name: str) -> TaskChecker:
    """The function that says what the data of task `name` hold.

    Raises:
        UserError: There is no such task.
    """
    checker: TaskChecker = _function(_task(name).checker)
    return checker


def refuse_table(path: Path) -> None:
    """For a task whose samples are in folders: is `path` a table, and of which task?

    Raises:
        UserError: It is a table of another task's samples.
    """
    from thawline.data.tables.reading import Columns, read_table  # late: a folder needs no pyarrow

    for name, task in _TASKS.items():
        if not (task.columns and path.is_file()):
            continue
        with suppress(UserError):  # it has other columns, or is no table at all
            read_table(path, Columns(task.columns, row="sample"))
            found = f"{path} is a table with the columns {','.join(task.columns)}, which task={name} reads; add that"
            break
    else:
        return
    raise UserError(found)


def task_kind(name: str) -> str:
    """What the samples of task `name` are called: photos, pairs, tracks.

    Raises:
        UserError: There is no such task.
    """
    return _task(name).kind


def _task(name: str) -> _Task:
    if name not in _TASKS:
        raise UserError(f"there is no task '{name}'; there are: {', '.join(_TASKS)}")
    return _TASKS[name]


def _function(where: str) -> Any:
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(module), function)
