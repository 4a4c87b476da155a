"""Who is trained on and who is judged in a run, and how its folds are fitted."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from thawline.data.photos.augmentation import Augmentation
from thawline.data.tracks.spec_augment import SpecAugment
from thawline.errors import UserError
from thawline.fitting.feature_set import Augment
from thawline.fitting.fit import FitOptions
from thawline.fitting.folds import REFIT, Fold, plan_folds
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.methods import FittedTail
from thawline.fitting.named.callbacks import check_callbacks
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.problem import Problem
from thawline.fitting.settings import CLASSES, PAIRS, GradientSettings, RulesSettings, ZeroShotSettings
from thawline.fitting.tail import Tail
from thawline.runs.mirrors.loggers import Mirror
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.settings import RunSettings
from thawline.tasks.task import capability

if TYPE_CHECKING:
    from thawline.fitting.lightning.data import TailData
    from thawline.fitting.lightning.module import TailModule


def plan_run(problem: TaskProblem, settings: RunSettings) -> list[Fold]:
    """Who is trained on and who is judged.

    Raises:
        UserError: A class has too few groups, or a given split and `cv` contradict each other.
    """
    plan = plan_folds(
        problem.labels,
        problem.groups,
        problem.sides,
        cv=settings.cv,
        share=settings.data.holdout,
        seed=settings.seed,
        classes=problem.classes,
    )
    kept = [keep_apart(problem, fold) for fold in plan]
    fitted = not isinstance(settings.method, ZeroShotSettings | RulesSettings)
    if problem.sides is not None and fitted and settings.target in (CLASSES, PAIRS):
        for fold in kept:
            _check_trained_on(problem, fold)
    return kept


def _check_trained_on(problem: TaskProblem, fold: Fold) -> None:
    """Has the training side of a given split a sample of each class?

    Raises:
        UserError: It has not.
    """
    absent = np.setdiff1d(np.arange(len(problem.classes)), problem.labels[fold.train])
    if len(absent):
        name = problem.classes[absent[0]]
        raise UserError(
            f"the given split has no training sample of '{name}'; put some of its groups in train, or leave it out "
            "with data.classes"
        )


def keep_apart(problem: TaskProblem, fold: Fold) -> Fold:
    """`fold` without the training samples that have something in common with those that choose or are judged."""
    inner = None if fold.inner is None else problem.apart(fold.inner, fold.test)
    train = problem.apart(fold.train, fold.test if inner is None else np.concatenate([fold.test, inner]))
    return replace(fold, train=train, inner=inner)


def how_to_fit(settings: RunSettings, run: Path, device: torch.device, mirror: Mirror | None) -> FitOptions:
    """How the folds of the run with `settings` are fitted."""

    def pair(problem: Problem, fold: Fold, *, chooses: bool) -> "tuple[TailModule, TailData]":
        data = capability(settings.task, "data")(settings, problem, fold, chooses=chooses)
        data.setup()
        return capability(settings.task, "module")(problem, data.train), data

    return FitOptions(
        settings.method,
        settings.trainer,
        settings.debug,
        inner_share=settings.data.inner,
        seed=settings.seed,
        device=device,
        run=run,
        pair=pair,
        mirror=mirror,
        keep_history=settings.logger.keeps_history,
        callbacks=check_callbacks(settings.callbacks),
    )


def feeding_of(settings: RunSettings) -> Feeding:
    """How samples reach the tail of a run with `settings`.

    Raises:
        UserError: Its method is not gradient descent.
    """
    debug = settings.debug
    return Feeding(
        batch_size=gradient_of(settings).batch_size,
        seed=settings.seed,
        augment=None if debug.overfit else _augment(settings),
        workers=settings.trainer.workers,
        overfit=debug.overfit,
        limit=debug.limit_batches,
    )


def gradient_of(settings: RunSettings) -> GradientSettings:
    """The method of `settings`.

    Raises:
        UserError: It is not gradient descent.
    """
    if not isinstance(settings.method, GradientSettings):
        raise UserError(f"method={settings.method.name} is not gradient descent, which is all that a Trainer runs")
    return settings.method


def fresh_tail(problem: TaskProblem) -> Tail:
    """A tail of `problem` that is not yet fitted; the starting weights of its head follow from the run's seed."""
    torch.manual_seed(problem.settings.seed)
    return problem.tail()


def _augment(settings: RunSettings) -> Augment | None:
    """What varies what is stored at each step: photos' pixels with `thaw=all`, spectrograms."""
    wanted = settings.augmentation
    if wanted.masks is not None:
        return SpecAugment(wanted.masks)
    return Augmentation(wanted) if settings.cut == "all" and wanted.changes_pixels else None


def fit_everything(problem: TaskProblem, fits: list[FittedTail], how: FitOptions) -> None:
    """Fit all the data. Nothing is left to choose by, so epochs are the median of what the folds chose."""
    everything = np.arange(len(problem.labels))
    chosen = [fit.chosen["epochs"] for fit in fits] if isinstance(how.method, GradientSettings) else []
    fold = Fold(REFIT, everything, inner=None, test=everything[:0])
    fit_folds(problem, [fold], how, epochs=int(np.median(chosen)) if chosen else None, earlier=fits)
