"""What the capabilities of a task's record are: the functions that it names, and what they give."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from thawline.errors import UserError
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.problem import Problem
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.samples.settings import SampleSettings
from thawline.tasks.bundle.golden import CaseResult
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.settings import CheckSettings, RunSettings
from thawline.tasks.task import capability, find_task


class TaskProblem(Problem, Protocol):
    """What the verbs need of a task's data besides what fitting needs."""

    @property
    def settings(self) -> RunSettings:
        """The run's settings."""

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

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the samples that are of one group with a sample of another run."""

    @property
    def untold(self) -> Sequence[str]:
        """Sentences on what `related_to` could not tell."""

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each sample's place in the run."""


class TaskReader(Protocol):
    """Reads a task's data and brings it to the thaw line."""

    def __call__(
        self, settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None
    ) -> TaskProblem:
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


class TaskExporter(Protocol):
    """Gives what a bundle of a run's model is written from."""

    def __call__(self, fitted: Any) -> Any:
        """Of the run's model, a `RunModel`, an `exporting.Exportable`; raises UserError where it can't be exported."""


class EnsembleExporter(Protocol):
    """Writes the models of an ensemble, and how they are joined, as a bundle."""

    def __call__(self, source: Path, members: Sequence[Path], target: Path, places: Mapping[str, Any]) -> None:
        """Write the bundle and say where it is.

        Args:
            source: The directory of the ensemble's run.
            members: Those of its members' runs, in the order of its components.
            target: Where it goes.
            places: Where the members' data are now, see `tasks.run_model.find_run_model`.

        Raises:
            UserError: A member has no model to export.
            RunError: A bundle does not compute what its run did; nothing was written.
        """


class GoldenJudge(Protocol):
    """Judges a bundle by files whose answer is known."""

    def __call__(self, bundle: Any, path: Path) -> list[CaseResult]:
        """What came of each case that the file `path` names; raises UserError where that can't be used."""


class BundleLoader(Protocol):
    """Reads a bundle whose files were verified."""

    def __call__(self, folder: Path, manifest: dict[str, Any], decision: dict[str, Any], device: torch.device) -> Any:
        """The bundle in `folder`; raises ValueError or KeyError where the files are of another form."""


class TaskPredictor(Protocol):
    """What `thawline predict` does with a bundle."""

    def __call__(
        self,
        bundle: Any,
        settings: Any,
        paths: Iterator[str],
        counts: Tally,
        advance: Callable[[int], None] | None,
    ) -> Sequence[str]:
        """Judge what is named and write what was said of each sample to where the settings say.

        Args:
            bundle: The bundle.
            settings: Those of the verb.
            paths: The words of the command line.
            counts: Gets how many samples were given each answer.
            advance: Called for each sample, for the progress bar.

        Returns:
            The answers that there are, in the order in which they are listed.
        """


@dataclass(frozen=True)
class SampleCollection:
    """A sample collection that was made.

    Attributes:
        what: What it holds.
        place: The folder or file that `thawline train` takes.
        said: What else there is to say of it, a line each.
        settings: Settings to train on it with.
        already_there: Whether it was there before.
    """

    what: str
    place: Path
    said: Sequence[str]
    settings: Sequence[str]
    already_there: bool


class SampleMaker(Protocol):
    """Makes a task's sample collection."""

    def __call__(self, directory: Path, settings: SampleSettings) -> SampleCollection:
        """Make it in `directory`; raises UserError where a setting is out of its range or the directory is taken."""


def task_reader(name: str) -> TaskReader:
    """The function that reads the data of task `name`.

    Raises:
        UserError: There is no such task.
    """
    reader: TaskReader = capability(name, "read")
    return reader


def examine(
    problem: TaskProblem, judged: Sequence[tuple[Fold, FittedTail]], predictions: Predictions, device: torch.device
) -> dict[str, Any] | None:
    """What the task says of `predictions` besides what is said of any of its target, as plain JSON; None: nothing.

    `judged` are the folds with what was fitted for each; there are none where only predictions are at hand.
    """
    task = problem.settings.task
    if find_task(task).examine is None:
        return None
    said: dict[str, Any] | None = capability(task, "examine")(problem, judged, predictions, device)
    return said
