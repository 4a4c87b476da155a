"""How long an epoch takes, and how many there will be, from fits that are broken off.

What is fitted in closed form counts as one epoch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, cast

from thawline.commands.forecast.stopping import ends_after, few_of, least_epochs, most_epochs
from thawline.commands.forecast.watching import Watching
from thawline.encoders.device import find_device
from thawline.errors import PrunedError
from thawline.features.rehearsing.costs import Clock, Cost
from thawline.fitting.fit import FitOptions, fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.lightning.feeding import batches_per_epoch
from thawline.fitting.packed.folds import fits_together
from thawline.fitting.settings import GradientSettings
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import gradient_of, how_to_fit
from thawline.tasks.settings import RunSettings

_SECONDS = 1.0  # of a fit that are watched, about
_FEW, _MORE = 2, 20  # epochs at least and at most that are watched of folds fitted together, for two seconds
_BATCHES = (2, 10)  # that are watched where nobody looks at the end of an epoch
_SHARE = 0.1  # of what all fits may take, that judging when they stop may take
_JUDGED = (2.0, 6.0)  # seconds, which that is at least and at most for each


@dataclass(frozen=True)
class Epochs:
    """The epochs of a fit, on average over trials.

    Attributes:
        count: How many it is expected to have; each time over the samples is one.
        least: How many where it is at its best after the first.
        most: How many where nothing ends it.
        each: What one takes.
    """

    count: float = 0.0
    least: float = 0.0
    most: float = 0.0
    each: Cost = Cost()  # noqa: RUF009  # it is frozen


def expect_epochs(
    problem: TaskProblem,
    plan: Sequence[Fold],
    trials: Sequence[RunSettings],
    fits: float,
    imagined: Mapping[int, int],
    *,
    pruned: bool = False,
) -> Epochs:
    """What epochs take, by a second or two of fits, and how many there will be, by one of few samples for each trial.

    Args:
        problem: The data.
        plan: The folds, of which the first stands for all.
        trials: The settings of those that stand for all of a kind; how long an epoch takes is seen by the first.
        fits: How many fits there are in all.
        imagined: Features that were not computed, see `distinct`.
        pruned: Whether a fit may be ended early by what others came to.
    """
    fold, settings, method = plan[0], trials[0], trials[0].method
    how = _how(settings)
    if not isinstance(method, GradientSettings):
        clock = Clock()
        fit_fold(problem, fold, how)
        return Epochs(1, 1, 1, clock.cost())
    most, least = mean(map(most_epochs, trials)), mean(map(least_epochs, trials))
    if not method.holds_out:
        passes = most * method.passes(len(fold.train), len(problem.classes))
        return Epochs(passes, passes, passes, _pass(problem, fold, settings, method.batch_size))
    few = few_of(problem, fold, imagined)
    each, ended = _watch(problem, fold, how)
    each = (None if pruned else _together(problem, plan, settings)) or each
    if ended and not few.copied and fits == 1:
        return Epochs(ended, ended, ended, each)
    seconds = max(_JUDGED[0], min(_JUDGED[1], _SHARE * each.processor * most * fits / len(trials)))
    counts = [
        ended
        if ended and trial is settings and not few.copied
        else ends_after(problem, fold, replace(few, fold=replace(few.fold, name=f"few-{n}")), trial, seconds)
        for n, trial in enumerate(trials)
    ]
    return Epochs(mean(counts), least, most, each)


def _watch(problem: TaskProblem, fold: Fold, how: FitOptions) -> tuple[Cost, int | None]:
    """What an epoch takes, and after how many the fit ended; None where it was broken off."""
    watching = Watching(_SECONDS)
    try:
        fit_fold(problem, fold, replace(how, watch=watching))
    except PrunedError:
        return watching.each, None
    return watching.each, len(watching.marks)


def _together(problem: TaskProblem, plan: Sequence[Fold], settings: RunSettings) -> Cost | None:
    """What an epoch of a fold takes where the folds of a run are fitted together; None: they are not."""
    from thawline.fitting.packed.fit import Job, can_fit  # late: what a Trainer fits needs none of it

    how = _how(settings)
    if not fits_together(how) or not can_fit([Job(problem, fold, how) for fold in plan]):
        return None
    if (one := _of_all(problem, plan, settings, 1)) is None:
        return None
    epochs = 1 + max(_FEW, min(_MORE, int(2 * _SECONDS / one.processor)))
    several = _of_all(problem, plan, settings, epochs)
    return None if several is None else (several - one) * (1 / ((epochs - 1) * len(plan)))


def _of_all(problem: TaskProblem, plan: Sequence[Fold], settings: RunSettings, epochs: int) -> Cost | None:
    """What it takes to fit the folds together for so many epochs; None: they can't be."""
    from thawline.fitting.packed.fit import Job, fit_together  # late, as above

    can_be_changed = is_dataclass(problem)
    if not can_be_changed:
        return None
    method = gradient_of(settings)
    method = replace(method, epochs=epochs, warmup=min(method.warmup, epochs - 1), patience=None)
    brief = replace(settings, method=method)
    clock = Clock()
    jobs = [Job(replace(cast(Any, problem), settings=brief), fold, _how(brief)) for fold in plan]
    return None if None in fit_together(jobs) else clock.cost()


def _how(settings: RunSettings) -> FitOptions:
    return how_to_fit(settings, Path(settings.paths.run), find_device(settings.trainer.accelerator), None)


def _pass(problem: TaskProblem, fold: Fold, settings: RunSettings, batch_size: int) -> Cost:
    """What one pass over the samples costs a fit without inner samples, reckoned from a few of its batches."""
    took = []
    for batches in _BATCHES:
        few = replace(settings, debug=replace(settings.debug, epochs=1, limit_batches=batches))
        clock = Clock()
        fit_fold(problem, replace(fold, name=f"{batches}-batches"), _how(few))
        took.append(clock.cost())
    fewer, more = _BATCHES
    return (took[1] - took[0]) * (batches_per_epoch(len(fold.train), batch_size) / (more - fewer))
