"""Fit one fold by whichever method the settings name, and keep what was fitted."""

import importlib
import logging
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from safetensors.torch import load_file, save_file

from thawline.errors import UserError
from thawline.files import write_atomically, write_json
from thawline.fitting.boosting import TreesSettings
from thawline.fitting.few_shot import ClapSettings, LoraSettings, SSTextSettings, TipAdapterSettings, WiseFTSettings
from thawline.fitting.folds import LAST, Fold, fold_directory
from thawline.fitting.known import NamedMethod, find_added_method
from thawline.fitting.methods import FittedTail
from thawline.fitting.named.callbacks import Chosen
from thawline.fitting.problem import Problem, inner_fold
from thawline.fitting.ridge import RidgeSettings
from thawline.fitting.settings import (
    DebugSettings,
    GaussianSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    TrainerSettings,
)
from thawline.process import importing
from thawline.runs.digests import noted
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.reading import read_record, reading

if TYPE_CHECKING:
    from thawline.fitting.lightning.checkpoints import Keep
    from thawline.fitting.lightning.data import TailData
    from thawline.fitting.lightning.module import TailModule

TAIL_FILE, CHOSEN_FILE = "tail.safetensors", "chosen.json"
# What fits each kind of method in closed form, in `fitting.methods`.
_CLOSED_FORMS: dict[type[MethodSettings], str] = {
    LogisticSettings: "logistic:fit_logistic",
    GaussianSettings: "gda:fit_gda",
    RidgeSettings: "ridge:fit_ridge",
    ClapSettings: "clap:fit_clap",
    SSTextSettings: "ss_text:fit_ss_text",
    TipAdapterSettings: "tip_adapter:fit_tip_adapter",
    WiseFTSettings: "wise_ft:fit_wise_ft",
    TreesSettings: "trees:fit_trees",
}

_log = logging.getLogger(__name__)


class Pair(Protocol):
    """Makes what Lightning's Trainer is given for a fold."""

    def __call__(self, problem: Problem, fold: Fold, *, chooses: bool) -> "tuple[TailModule, TailData]":
        """The LightningModule, with a fresh tail, and the LightningDataModule, set up.

        Args:
            problem: The task's data.
            fold: Whom to train on.
            chooses: Whether inner samples are held out of those, for early stopping and the best epoch.
        """


class Watch(Protocol):
    """Is told how a fitting goes, and may end it by raising `PrunedError`."""

    def epoch(self, fold: str, epoch: int, loss: float) -> None:
        """An epoch of `fold`, counted from 0, came to this inner loss."""

    def fold(self, fold: str, score: float) -> None:
        """`fold` was fitted, and has this score on its inner samples."""


@dataclass(frozen=True)
class FitOptions:
    """How the folds of one run are fitted.

    Attributes:
        method: How a tail is fitted.
        trainer: What it computes on.
        debug: How the training is looked into.
        inner_share: Share of the training groups by which a method chooses, where the fold gives no inner samples.
        seed: The run's seed.
        device: What to compute on.
        run: The run directory.
        pair: What makes the pair that gradient descent trains.
        mirror: What mirrors the run, or None.
        keep_history: Whether the course of each training is written.
        watch: Who is told how it goes, or None.
        callbacks: Which callbacks gradient descent has besides its own, by their names.
    """

    method: MethodSettings
    trainer: TrainerSettings
    debug: DebugSettings
    inner_share: float
    seed: int
    device: torch.device
    run: Path
    pair: Pair
    mirror: Mirror | None = None
    keep_history: bool = True
    watch: Watch | None = None
    callbacks: Chosen = field(default_factory=dict)

    def directory(self, fold: Fold) -> Path:
        """Where `fold` keeps its checkpoints and its fitted tail."""
        return fold_directory(self.run, fold.name)

    def inner_fold(self, problem: Problem, fold: Fold) -> Fold:
        """`fold` one level further in, where choices are made; see `fitting.problem.inner_fold`."""
        return inner_fold(problem, fold, share=self.inner_share, seed=self.seed)


def fit_fold(
    problem: Problem, fold: Fold, how: FitOptions, epochs: int | None = None, earlier: Sequence[FittedTail] = ()
) -> FittedTail:
    """Fit `fold` and keep the tail in its directory; a fold that was finished before is read back instead.

    Args:
        problem: The task's data.
        fold: Which samples.
        how: The method and what it computes on.
        epochs: A fixed number of epochs and no inner samples: for the refit on all data.
        earlier: What the folds gave, for the refit on all data.
    """
    directory = how.directory(fold)
    if is_fitted(directory):
        return read_fit(directory)
    directory.mkdir(parents=True, exist_ok=True)
    problem = begin(problem, fold, how, chooses=not epochs)
    torch.manual_seed(how.seed)  # a new head's starting weights
    if isinstance(how.method, GradientSettings):
        fit = _by_gradient(problem, fold, how, how.method, epochs, earlier)
    elif (closed_form := _closed_form(how.method, several=problem.tail().several)) is not None:
        inner = None if fold.inner is None else problem.samples(fold.inner)
        fit = closed_form(problem.tail(), problem.samples(fold.train), inner, how.method, how.seed)
        fit = problem.settle(fit, inner, earlier)
    else:
        fit = problem.settle(FittedTail(problem.tail().state_dict()), problem.samples(fold.train), earlier)
    keep_fit(fit, directory)
    _log.info("%s is fitted", directory)
    return fit


def begin(problem: Problem, fold: Fold, how: FitOptions, *, chooses: bool) -> Problem:
    """The problem with what is chosen by the training samples of `fold` before anything is fitted.

    Where the method `chooses` by inner samples that it holds out of them, these have no part in it.
    """
    held_out = chooses and isinstance(how.method, GradientSettings)
    return problem.begun(lambda: how.inner_fold(problem, fold).train if held_out else fold.train)


def imported_to_fit(method: MethodSettings) -> list[str]:
    """The module that fits by `method`, by name, where what it imports takes a second or more."""
    slow = {
        GradientSettings: "thawline.fitting.methods.gradient",
        LoraSettings: "peft",
        LogisticSettings: "thawline.fitting.methods.logistic",
        RidgeSettings: "thawline.fitting.methods.ridge",
    }
    return [module for settings, module in slow.items() if isinstance(method, settings)]


def _closed_form(method: MethodSettings, *, several: bool) -> Callable[..., FittedTail] | None:
    """What fits by `method` from stored features; None: nothing but gradient descent does.

    `several` says whether a sample can have several classes. Imported late: scikit-learn and SciPy take a second.
    """
    named = "logistic_tags:fit_logistic_tags" if several and isinstance(method, LogisticSettings) else None
    if (named := named or _CLOSED_FORMS.get(type(method))) is not None:
        return _function(f"thawline.fitting.methods.{named}")
    added = find_added_method(method.fit)
    return None if added is None else partial(_fit_added, added)


def _fit_added(added: NamedMethod, *given: Any) -> FittedTail:
    fit = _function(added.fitted_by)(*given)
    if not isinstance(fit, FittedTail):
        raise UserError(f"{added.fitted_by} gives {type(fit).__name__} rather than a FittedTail")
    return fit


def _function(where: str) -> Callable[..., FittedTail]:
    module, _, name = where.partition(":")
    with importing():
        function: Callable[..., FittedTail] = getattr(importlib.import_module(module), name)
    return function


def is_fitted(directory: Path) -> bool:
    """Whether the fit of `directory` was finished: what was chosen is its last file."""
    return (directory / CHOSEN_FILE).exists()


def is_begun(directory: Path) -> bool:
    """Whether the fit of `directory` was finished, or a Trainer can go on with it."""
    return is_fitted(directory) or (directory / LAST).exists()


def read_fit(directory: Path) -> FittedTail:
    """The fit that `directory` keeps.

    Raises:
        UserError: There is none, or it is damaged.
    """
    if not is_fitted(directory) or not (directory / TAIL_FILE).exists():
        raise UserError(f"{directory} holds no fitted tail; the run did not finish")
    with reading(directory / TAIL_FILE):
        tail = load_file(directory / TAIL_FILE)
    return FittedTail(tail, read_record(directory / CHOSEN_FILE))


def _by_gradient(
    problem: Problem,
    fold: Fold,
    how: FitOptions,
    method: GradientSettings,
    epochs: int | None,
    earlier: Sequence[FittedTail],
) -> FittedTail:
    with importing():  # late: Lightning takes seconds
        from thawline.fitting.lightning.callbacks.rates import with_rate
        from thawline.fitting.methods.gradient import Course, fit_gradient

    module, data = how.pair(problem, fold, chooses=not epochs and method.holds_out)
    if epochs and (rates := [fit.chosen["lr"] for fit in earlier if "lr" in fit.chosen]):
        method = with_rate(method, statistics.median_low(rates))  # that the folds found
    keep = _keeper(problem, fold, how)
    watch = None if how.watch is None else partial(how.watch.epoch, fold.name)
    fit = fit_gradient(
        module,
        data,
        method,
        Course(how.trainer, how.debug, how.device, epochs, keep, watch, how.callbacks),
        how.directory(fold),
        mirror=how.mirror,
        keep_history=how.keep_history,
    )
    fit = problem.settle(fit, data.inner, earlier)
    if keep is not None:
        keep("best_model", fit.state)
    return fit


def _keeper(problem: Problem, fold: Fold, how: FitOptions) -> "Keep | None":
    """What writes the models of single epochs beside the fold's checkpoints, where the run asks for that."""
    if not how.trainer.save_models:
        return None
    return lambda name, state: problem.save_model(how.directory(fold) / name, state)


def keep_fit(fit: FittedTail, directory: Path) -> None:
    """Write the tail, then what was chosen: a fold with the second file is finished."""
    state = {name: tensor.contiguous().clone() for name, tensor in fit.state.items()}
    with noted(directory / TAIL_FILE):
        write_atomically(directory / TAIL_FILE, lambda beside: save_file(state, beside))
    with noted(directory / CHOSEN_FILE):
        write_json(directory / CHOSEN_FILE, fit.chosen)
