"""The tasks that there are. A new one is a folder, a line here, and its conf files."""

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.fitting.fit import Problem
from thawline.fitting.folds import Fold
from thawline.runs.split import SplitRow
from thawline.tasks.settings import RunSettings


class TaskData(Problem, Protocol):
    """What the verbs need of a task's data besides what fitting needs."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each sample, [N]."""

    @property
    def sides(self) -> tuple[str, ...] | None:
        """The given split: a side or the number of a fold for each sample; None: none given."""

    @property
    def computed(self) -> int:
        """Features that were computed now."""

    @property
    def read(self) -> int:
        """Features that were read from the store."""

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


_TASKS = {"events": "thawline.tasks.events.data:read_events"}


def task_reader(name: str) -> TaskReader:
    """The function that reads the data of task `name`, imported only now.

    Raises:
        UserError: There is no such task.
    """
    if name not in _TASKS:
        raise UserError(f"there is no task '{name}'; there are: {', '.join(_TASKS)}")
    module, _, function = _TASKS[name].partition(":")
    reader: TaskReader = getattr(importlib.import_module(module), function)
    return reader
