"""How long an epoch takes, and how many there will be, from fits that are broken off.

What is fitted in closed form counts as one epoch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from thawline.encoders.device import find_device
from thawline.errors import PrunedError, UserError
from thawline.features.rehearsing.costs import Clock, Cost
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.fit import FitOptions, fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.lightning.feeding import batches_per_epoch
from thawline.fitting.settings import GradientSettings
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import how_to_fit
from thawline.tasks.settings import RunSettings

_SECONDS = 1.0  # of a fit that are watched, about
_PATIENCE = 4  # times as long by the clock
_LEAST = 2  # epochs
_BATCHES = (2, 10)  # that are watched where nobody looks at the end of an epoch
_AT_ONCE = 256  # samples
_MOSTLY = 0.8  # share of the samples that are no copies, from which on none are taken to be


@dataclass(frozen=True)
class Epochs:
    """The epochs of one fold.

    Attributes:
        count: How many it is expected to have; each time over the samples is one.
        each: What one takes.
    """

    count: int = 0
    each: Cost = Cost()  # noqa: RUF009  # it is frozen


class _Watching:
    """Looks at the clock at the end of each epoch, and ends the fit when it has seen enough."""

    def __init__(self, seconds: float) -> None:
        self.clock, self._seconds = Clock(), seconds
        self.marks: list[Cost] = []

    def epoch(self, fold: str, epoch: int, loss: float) -> None:
        """Take the time."""
        self.marks.append(self.clock.cost())
        took = self.marks[-1] - self.marks[0]
        # By the processor, whatever else the machine does; by the clock where the disk or an accelerator is waited for.
        if len(self.marks) > _LEAST and max(took.processor, took.wall / _PATIENCE) > self._seconds:
            raise PrunedError("enough was seen")

    def fold(self, fold: str, score: float) -> None:
        """Nothing: there is one."""


def watch_epochs(problem: TaskProblem, plan: Sequence[Fold], settings: RunSettings) -> Epochs:
    """Fit the first fold for about a second, and what of it are no copies to its end."""
    how = how_to_fit(settings, Path(settings.paths.run), find_device(settings.trainer.accelerator), None)
    watching = _Watching(_SECONDS)
    if not isinstance(settings.method, GradientSettings):
        fit_fold(problem, plan[0], how)
        return Epochs(1, watching.clock.cost())
    most = min(settings.method.epochs, settings.debug.epochs or settings.method.epochs)
    if not settings.method.holds_out:
        passes = settings.method.passes(len(plan[0].train), len(problem.classes))
        return Epochs(most * passes, _pass(problem, plan[0], settings, settings.method.batch_size))
    known = distinct(problem.samples(plan[0].train))
    copied = len(known) < _MOSTLY * len(plan[0].train)
    try:
        fit_fold(problem, plan[0], replace(how, watch=watching))
        ended = most if copied else len(watching.marks)
    except PrunedError:
        ended = most
    marks = watching.marks
    each = (marks[-1] - marks[0]) * (1 / (len(marks) - 1)) if len(marks) > 1 else (marks[0] if marks else Cost())
    if copied and ended == most:
        ended = _expected(problem, plan[0], known, how, settings.method, most)
    return Epochs(min(ended, most), each)


def _pass(problem: TaskProblem, fold: Fold, settings: RunSettings, batch_size: int) -> Cost:
    """What one pass over the samples costs a fit without inner samples, reckoned from a few of its batches."""
    device, took = find_device(settings.trainer.accelerator), []
    for batches in _BATCHES:
        few = replace(settings, debug=replace(settings.debug, epochs=1, limit_batches=batches))
        how = how_to_fit(few, Path(settings.paths.run), device, None)
        clock = Clock()
        fit_fold(problem, replace(fold, name=f"{batches}-batches"), how)
        took.append(clock.cost())
    fewer, more = _BATCHES
    return (took[1] - took[0]) * (batches_per_epoch(len(fold.train), batch_size) / (more - fewer))


def _expected(
    problem: TaskProblem, fold: Fold, known: NDArray[np.int64], how: FitOptions, method: GradientSettings, most: int
) -> int:
    """The epochs after which a fit on all samples ends, by one on the few that are known; `most` where that is open.

    Copies never stop a training. On few samples the best epoch is taken to come after as many steps as on all.
    """
    small = replace(fold, name="distinct", train=fold.train[known])
    watching = _Watching(2 * _SECONDS)
    try:
        fit = fit_fold(problem, small, replace(how, watch=watching))
    except (PrunedError, UserError):  # it takes longer; or these are too few of a class
        return most
    if len(watching.marks) >= most:
        return most
    sooner = len(known) / len(fold.train)
    return min(most, math.ceil(int(fit.chosen["epochs"]) * sooner) + (method.patience or 0))


def distinct(samples: FeatureSet) -> NDArray[np.int64]:
    """Positions of judged samples no two of which have the same features, the first of each."""
    seen: dict[int, int] = {}
    for start in range(0, len(samples), _AT_ONCE):
        positions = np.arange(start, min(start + _AT_ONCE, len(samples)))
        features = samples.rows[samples.indices[positions]]
        told = [tensor for name, tensor in sorted(features.items()) if tensor.dtype != torch.int64]  # no numbers
        for i, position in enumerate(positions.tolist()):
            checksum = 0
            for tensor in told:
                checksum = xxh3_64_intdigest(tensor[i].reshape(-1).view(torch.uint8).numpy().data, checksum)
            seen.setdefault(checksum, position)
    first = np.array(sorted(seen.values()), dtype=np.int64)
    return first if samples.owners is None else np.unique(samples.owners[first])
