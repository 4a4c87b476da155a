"""The folds of a run, fitted together where that gives what each gives alone, in a fraction of the time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from thawline.fitting.fit import FitOptions, fit_fold, is_begun
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.named.callbacks import Chosen
from thawline.fitting.named.optimisers import ADAMW
from thawline.fitting.problem import Problem
from thawline.fitting.settings import DebugSettings, GradientSettings, MethodSettings, TrainerSettings
from thawline.process import importing


def fit_folds(
    problem: Problem,
    folds: Sequence[Fold],
    how: FitOptions,
    epochs: int | None = None,
    earlier: Sequence[FittedTail] = (),
) -> list[FittedTail]:
    """Fit each of `folds` as `fit_fold` does, which see; those that can be are fitted together, and so is one alone.

    A fold that a Trainer began goes on by one.

    Raises:
        RunError: A training diverged. What was fitted of the folds before it is kept.
        UserError: The settings or the samples can't be used.
    """
    if fits_together(how):
        with importing():  # late: seconds
            from thawline.fitting.packed.fit import Job, can_fit, fit_together, keep_course, keep_trained
            from thawline.fitting.packed.members import DivergedError

        jobs = [Job(problem, fold, how, epochs, earlier) for fold in folds if not is_begun(how.directory(fold))]
        outcomes = fit_together(jobs) if can_fit(jobs) else [None] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, DivergedError):
                keep_course(outcome.history, job.fold, how, how.mirror)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                keep_trained(outcome, job.fold, how, how.mirror)
    return [fit_fold(problem, fold, how, epochs, earlier) for fold in folds]


def fits_together(how: FitOptions) -> bool:
    """Whether what is fitted so can be fitted together with its like, as far as its settings say."""
    return (
        how.device.type == "cpu"
        and how.watch is None
        and takes_plain_steps(how.method, how.trainer, how.debug)
        and needs_trainer(how.method, how.callbacks) is None
    )


def takes_plain_steps(method: MethodSettings, trainer: TrainerSettings, debug: DebugSettings) -> bool:
    """Whether a method trains in single precision in one process, and nobody looks into the training."""
    return (
        isinstance(method, GradientSettings)
        and method.holds_out
        and replace(debug, name="") == DebugSettings(name="")
        and trainer.precision == "32-true"
        and not trainer.several
        and trainer.threads in (None, 1)
        and trainer.checkpoint_every is None
        and not trainer.save_models
    )


def needs_trainer(method: MethodSettings, callbacks: Chosen) -> str | None:
    """The first setting that only a Trainer heeds, as `key=value`; None: there is none."""
    if callbacks:
        return f"callbacks=[{','.join(callbacks)}]"
    plain: dict[str, Any] = {
        "optimiser": ADAMW,
        "optimiser_settings": {},
        "gradient_clip_val": None,
        "accumulate_grad_batches": 1,
    }
    for key, usual in plain.items():
        if (value := getattr(method, key, usual)) != usual:
            return f"method.{key}={value}"
    return None
