"""How long an epoch takes, and how many there will be, from a fit that is broken off.

What is fitted in closed form counts as one epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thawline.encoders.device import find_device
from thawline.errors import PrunedError
from thawline.features.rehearsing.costs import Clock, Cost
from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.settings import GradientSettings
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import how_to_fit
from thawline.tasks.settings import RunSettings

_SECONDS = 1.0  # of a fit that are watched, about
_LEAST = 2  # epochs


@dataclass(frozen=True)
class Epochs:
    """The epochs of one fold.

    Attributes:
        count: How many: as many as the settings have at most, or at which the fit ended before.
        each: What one takes.
    """

    count: int = 0
    each: Cost = Cost()  # noqa: RUF009  # it is frozen


class _Watching:
    """Looks at the clock at the end of each epoch, and ends the fit when it has seen enough."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.marks: list[Cost] = []

    def epoch(self, fold: str, epoch: int, loss: float) -> None:
        """Take the time."""
        self.marks.append(self.clock.cost())
        if len(self.marks) > _LEAST and self.marks[-1].wall - self.marks[0].wall > _SECONDS:
            raise PrunedError("enough was seen")

    def fold(self, fold: str, score: float) -> None:
        """Nothing: there is one."""


def watch_epochs(problem: TaskProblem, plan: Sequence[Fold], settings: RunSettings) -> Epochs:
    """Fit the first fold for about a second."""
    how = how_to_fit(settings, Path(settings.paths.run), find_device(settings.trainer.accelerator), None)
    watching = _Watching()
    if not isinstance(settings.method, GradientSettings):
        fit_fold(problem, plan[0], how)
        return Epochs(1, watching.clock.cost())
    most = min(settings.method.epochs, settings.debug.epochs or settings.method.epochs)
    try:
        fit_fold(problem, plan[0], replace(how, watch=watching))
        ended = len(watching.marks)
    except PrunedError:
        ended = most
    marks = watching.marks
    each = (marks[-1] - marks[0]) * (1 / (len(marks) - 1)) if len(marks) > 1 else (marks[0] if marks else Cost())
    return Epochs(min(ended, most), each)
