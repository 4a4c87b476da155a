"""Fit the folds of a run, or of many, at once, where their tails can be stacked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from thawline.errors import RunError, UserError
from thawline.fitting.fit import FitOptions, begin, keep_fit
from thawline.fitting.folds import BEST, Fold
from thawline.fitting.lightning.checkpoints import save_checkpoint
from thawline.fitting.lightning.feeding import batches_per_epoch
from thawline.fitting.lightning.history import HISTORY, send_history, write_history
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.gradient import SMALL_TAIL
from thawline.fitting.packed.course import train_together
from thawline.fitting.packed.members import Member, Trained, can_be_stacked, is_stackable
from thawline.fitting.problem import Problem
from thawline.fitting.settings import GradientSettings
from thawline.runs.mirrors.loggers import Mirror

# So many with the same batches are worth computing by themselves: a batch is then not copied for each.
_OWN_BATCHES = 8
ROOM = 2**27  # parameters of all that is fitted together: its states take sixteen times as many bytes
# Of all folds of a run: steps, and samples times parameters. So many take a minute or two, which is lost if the process
# is killed; a Trainer goes on.
_MOST_STEPS, _MOST_WORK = 100_000, 2**38

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One fold of one run, which is fitted by gradient descent.

    Attributes:
        problem: The run's data, which are those of all others.
        fold: Which samples.
        how: The method and what it computes on.
        epochs: A fixed number of epochs and no inner samples: for the refit on all data.
        earlier: What the folds gave, for the refit on all data.
    """

    problem: Problem
    fold: Fold
    how: FitOptions
    epochs: int | None = None
    earlier: Sequence[FittedTail] = ()

    @property
    def source(self) -> tuple[int, str]:
        """Jobs of which this is equal are trained on the same samples in the same order."""
        return self.how.seed, self.fold.name


# What came of a job: the fit, why there is none, or nothing, where it is to be fitted alone.
Outcome = Trained | UserError | RunError | None


def size_of(problem: Problem) -> int:
    """How many parameters a tail of `problem` trains."""
    return sum(parameter.numel() for parameter in problem.tail().parameters() if parameter.requires_grad)


def is_small(problem: Problem) -> bool:
    """Whether a tail of `problem` has so few parameters that stacking saves time."""
    return size_of(problem) < SMALL_TAIL


def can_fit(jobs: Sequence[Job]) -> bool:
    """Whether the folds of one run are better fitted together than by a Trainer, as far as can be known beforehand."""
    if not jobs:
        return False
    problem, method = jobs[0].problem, jobs[0].how.method
    if not isinstance(method, GradientSettings) or not is_stackable(problem.tail()) or not is_small(problem):
        return False
    size = size_of(problem)
    # Those of trainings that nothing ends.
    passes = [(job.epochs or method.epochs, len(job.fold.train)) for job in jobs]
    steps = sum(epochs * batches_per_epoch(samples, method.batch_size) for epochs, samples in passes)
    work = sum(epochs * samples for epochs, samples in passes) * size
    return size * len(jobs) <= ROOM and steps <= _MOST_STEPS and work <= _MOST_WORK


def fit_together(jobs: Sequence[Job]) -> list[Outcome]:
    """Fit all that can be stacked; each as `fit_fold` would. Nothing is written."""
    outcomes: dict[int, Outcome] = {}
    members: dict[int, Member] = {}
    refused: list[Problem] = []
    for number, job in enumerate(jobs):
        if any(job.problem is problem for problem in refused):
            continue
        try:
            chooses = job.epochs is None
            if begin(job.problem, job.fold, job.how, chooses=chooses) is not job.problem:
                refused.append(job.problem)  # what was chosen before is its own, and no other's
                continue
            torch.manual_seed(job.how.seed)  # a new head's starting weights
            module, data = job.how.pair(job.problem, job.fold, chooses=chooses)
        except (UserError, RunError) as error:
            outcomes[number] = error
            continue
        if can_be_stacked(module, data):
            members[number] = Member(module, data, job.source, job.epochs)
        else:
            refused.append(job.problem)
    for numbers in _lanes(members):
        try:
            trained = train_together([members[number] for number in numbers])
        except (RuntimeError, NotImplementedError, MemoryError):  # what can't be vmapped, or not so many at once
            continue
        for number, one in zip(numbers, trained, strict=True):
            outcomes[number] = one if isinstance(one, RunError) else _settled(jobs[number], one, members[number])
    return [outcomes.get(number) for number in range(len(jobs))]


def keep_trained(trained: Trained, fold: Fold, how: FitOptions, mirror: Mirror | None) -> None:
    """Write to the fold's directory, and to the mirror, what the fit leaves there alone, the last checkpoint apart."""
    keep_course(trained.history, fold, how, mirror)
    directory = how.directory(fold)
    if "inner_loss" in trained.fit.chosen:  # else none was chosen
        epoch = int(trained.fit.chosen["epochs"]) - 1
        save_checkpoint({"epoch": epoch, "global_step": trained.steps, "state_dict": trained.state}, directory / BEST)
    keep_fit(trained.fit, directory)
    _log.info("%s is fitted", directory)


def keep_course(history: Sequence[Mapping[str, float]], fold: Fold, how: FitOptions, mirror: Mirror | None) -> None:
    """Write how a training went to the fold's directory, and to the mirror."""
    directory = how.directory(fold)
    directory.mkdir(parents=True, exist_ok=True)
    if how.keep_history:
        write_history(directory / HISTORY, history)
    if mirror is not None:
        send_history(mirror, fold.name, history)


def _settled(job: Job, trained: Trained, member: Member) -> Outcome:
    try:
        return replace(trained, fit=job.problem.settle(trained.fit, member.data.inner, job.earlier))
    except (UserError, RunError) as error:
        return error


def _lanes(members: dict[int, Member]) -> list[list[int]]:
    """The numbers of members that are trained together: of one shape, and of one source where that has many."""
    by_source: dict[Any, list[int]] = {}
    for number, member in members.items():
        by_source.setdefault((_shape(member), member.source), []).append(number)
    lanes: dict[Any, list[int]] = {}
    for (shape, source), numbers in by_source.items():
        lanes.setdefault((shape, source if len(numbers) >= _OWN_BATCHES else None), []).extend(numbers)
    return list(lanes.values())


def _shape(member: Member) -> Any:
    """What members that are stacked have in common."""
    inner = 0 if member.data.inner is None else len(member.data.inner)
    samples = 0 if member.data.train is None else len(member.data.train)
    batch_size = member.module.settings.batch_size
    return type(member.module), samples, inner, member.epochs, batch_size, _tensors(member.module)


def _tensors(module: TailModule) -> Any:
    named = (*module.named_parameters(), *module.named_buffers())
    return tuple((name, tensor.shape, tensor.requires_grad) for name, tensor in named if name.startswith("tail."))
