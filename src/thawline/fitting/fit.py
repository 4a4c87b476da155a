"""Fit one fold by whichever method the settings name, and keep what was fitted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from thawline.data.splits import holdout
from thawline.errors import UserError
from thawline.files import write_atomically, write_json
from thawline.fitting.feature_set import Augment, FeatureSet
from thawline.fitting.feeding import Feeding
from thawline.fitting.folds import Fold, fold_directory
from thawline.fitting.methods import Fit
from thawline.fitting.settings import (
    DebugSettings,
    GradientSettings,
    LogisticSettings,
    MethodSettings,
    TrainerSettings,
    TreesSettings,
)
from thawline.fitting.tail import Tail
from thawline.runs.digests import noted
from thawline.runs.loggers import Mirror
from thawline.runs.predictions import Tags
from thawline.runs.reading import read_record, reading

if TYPE_CHECKING:
    from thawline.fitting.checkpoints import Keep
    from thawline.fitting.module import TailModule

TAIL_FILE, CHOSEN_FILE = "tail.safetensors", "chosen.json"


class Problem(Protocol):
    """What fitting and judging need of a task's data."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each sample, relative to the collection's folder."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class of each sample, [N]."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each sample, [N]."""

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The samples `indices`, with the views that are stored of them."""

    def judged(self, indices: NDArray[np.int64]) -> Sequence[FeatureSet]:
        """The samples `indices` in each view whose probabilities are averaged, the plain one first."""

    def tail(self) -> Tail:
        """A fresh tail, not yet fitted."""

    def zero_shot(self, fit: Fit) -> Tail | None:
        """The pretrained network as it is, where it can answer and is not what is judged; else None.

        Where it needs a threshold to answer, that is what `settle` fitted for it on the inner samples of `fit`.
        """

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """What a simple method that is fitted on the same side says of the samples that `fold` holds out; None: none.

        With one it is what the run is compared with.
        """

    def apart(self, train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """The samples `train` less those that have something in common with `held` that no group covers."""

    def settle(self, fit: Fit, inner: FeatureSet | None, earlier: Sequence[Fit]) -> Fit:
        """`fit` with what is fitted on `inner` samples after the training, such as a threshold, and what it depends on.

        Where none were held out, `earlier` has the folds' fits, whose choices stand for it.
        """

    def answers(self, probabilities: NDArray[np.float32], fit: Fit) -> NDArray[np.int64] | None:
        """The class that `fit` decides for in each row of `probabilities` [n, classes]; None: the most probable."""

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: Fit) -> Tags | None:
        """All classes of the samples that `fold` holds out, and those said of them, where there can be several.

        None: each sample has one. `probabilities` are those of the samples, [n, classes].
        """

    def save_model(self, folder: Path, state: Mapping[str, torch.Tensor]) -> None:
        """Write the network with the tail's `state` into `folder`, as its own library reads it; complete or absent."""

    def module(self, tail: Tail, samples: FeatureSet, seed: int) -> "TailModule":
        """The LightningModule that fits `tail` on `samples`."""


class Plain:
    """A problem whose groups cover all that samples have in common, and whose answer is the most probable class."""

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """None."""
        return None

    def apart(self, train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """All of `train`."""
        return train

    def settle(self, fit: Fit, inner: FeatureSet | None, earlier: Sequence[Fit]) -> Fit:
        """`fit` as it is."""
        return fit

    def answers(self, probabilities: NDArray[np.float32], fit: Fit) -> NDArray[np.int64] | None:
        """The most probable class."""
        return None

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: Fit) -> Tags | None:
        """None: each sample has one class."""
        return None

    def save_model(self, folder: Path, state: Mapping[str, torch.Tensor]) -> None:
        """Not offered: `thawline export` writes such a model when the run is over.

        Raises:
            UserError: Always.
        """
        raise UserError("trainer.save_models=true is for task=match; 'thawline export' writes a finished run's model")


@dataclass(frozen=True)
class Fitting:
    """How the folds of one run are fitted.

    Attributes:
        method: How a tail is fitted.
        trainer: What it computes on.
        debug: How the training is looked into.
        inner_share: Share of the training groups by which a method chooses, where the fold gives no inner samples.
        seed: The run's seed.
        device: What to compute on.
        run: The run directory.
        augment: What varies stored pixels each step; None: nothing.
        mirror: What mirrors the run, or None.
        keep_history: Whether the course of each training is written.
    """

    method: MethodSettings
    trainer: TrainerSettings
    debug: DebugSettings
    inner_share: float
    seed: int
    device: torch.device
    run: Path
    augment: Augment | None = None
    mirror: Mirror | None = None
    keep_history: bool = True

    def directory(self, fold: Fold) -> Path:
        """Where `fold` keeps its checkpoints and its fitted tail."""
        return fold_directory(self.run, fold.name)

    def feeding(self, method: GradientSettings) -> Feeding:
        """How samples reach the tail."""
        return Feeding(
            batch_size=method.batch_size,
            seed=self.seed,
            augment=None if self.debug.overfit else self.augment,
            workers=self.trainer.workers,
            overfit=self.debug.overfit,
            limit=self.debug.limit_batches,
        )


def fit_fold(problem: Problem, fold: Fold, how: Fitting, epochs: int | None = None, earlier: Sequence[Fit] = ()) -> Fit:
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
    torch.manual_seed(how.seed)  # a new head's starting weights
    if isinstance(how.method, GradientSettings):
        fit = _by_gradient(problem, fold, how, how.method, epochs, earlier)
    elif isinstance(how.method, LogisticSettings):
        from thawline.fitting.methods.logistic import fit_logistic  # late: scikit-learn takes a second to import

        inner = None if fold.inner is None else problem.samples(fold.inner)
        fit = fit_logistic(problem.tail(), problem.samples(fold.train), inner, how.method, how.seed)
        fit = problem.settle(fit, inner, earlier)
    elif isinstance(how.method, TreesSettings):
        from thawline.fitting.methods.trees import fit_trees

        inner = None if fold.inner is None else problem.samples(fold.inner)
        fit = fit_trees(problem.tail(), problem.samples(fold.train), inner, how.method, how.seed)
        fit = problem.settle(fit, inner, earlier)
    else:
        fit = problem.settle(Fit(problem.tail().state_dict()), problem.samples(fold.train), earlier)
    _keep(fit, directory)
    return fit


def is_fitted(directory: Path) -> bool:
    """Whether the fit of `directory` was finished: what was chosen is its last file."""
    return (directory / CHOSEN_FILE).exists()


def read_fit(directory: Path) -> Fit:
    """The fit that `directory` keeps.

    Raises:
        UserError: There is none, or it is damaged.
    """
    if not is_fitted(directory) or not (directory / TAIL_FILE).exists():
        raise UserError(f"{directory} holds no fitted tail; the run did not finish")
    with reading(directory / TAIL_FILE):
        tail = load_file(directory / TAIL_FILE)
    return Fit(tail, read_record(directory / CHOSEN_FILE))


def _by_gradient(
    problem: Problem,
    fold: Fold,
    how: Fitting,
    method: GradientSettings,
    epochs: int | None,
    earlier: Sequence[Fit],
) -> Fit:
    from thawline.fitting.methods.gradient import Course, fit_gradient  # late: Lightning takes seconds to import

    chosen_by = None if epochs else inner_fold(problem, fold, how)
    samples = problem.samples(fold.train if chosen_by is None else chosen_by.train)
    if how.debug.overfit:
        samples = replace(samples, views=())
    inner = None if chosen_by is None else problem.samples(chosen_by.test)
    keep = _keeper(problem, fold, how)
    fit = fit_gradient(
        problem.module(problem.tail(), samples, how.seed),
        samples,
        inner,
        method,
        Course(how.feeding(method), how.trainer, how.debug, how.device, epochs, keep),
        how.directory(fold),
        mirror=how.mirror,
        keep_history=how.keep_history,
    )
    fit = problem.settle(fit, inner, earlier)
    if keep is not None:
        keep("best_model", fit.state)
    return fit


def _keeper(problem: Problem, fold: Fold, how: Fitting) -> "Keep | None":
    """What writes the models of single epochs beside the fold's checkpoints, where the run asks for that."""
    if not how.trainer.save_models:
        return None
    return lambda name, state: problem.save_model(how.directory(fold) / name, state)


def inner_fold(problem: Problem, fold: Fold, how: Fitting) -> Fold:
    """`fold` one level further in: trained on part of its training side, and tested on the inner samples.

    The inner samples are the user's (a `val/` folder), or some of the training groups. They choose: the epoch, and a
    sweep's winner.

    Raises:
        UserError: A class has too few groups to be on both sides.
    """
    if fold.inner is not None:
        return Fold(fold.name, fold.train, fold.inner, fold.inner)
    labels, groups = problem.labels[fold.train], problem.groups[fold.train]
    held = holdout(labels, groups, fraction=how.inner_share, seed=how.seed, classes=problem.classes)
    inner = fold.train[held]
    return Fold(fold.name, problem.apart(fold.train[~held], inner), inner, inner)


def _keep(fit: Fit, directory: Path) -> None:
    """Write the tail, then what was chosen: a fold with the second file is finished."""
    state = {name: tensor.contiguous().clone() for name, tensor in fit.state.items()}
    with noted(directory / TAIL_FILE):
        write_atomically(directory / TAIL_FILE, lambda beside: save_file(state, beside))
    with noted(directory / CHOSEN_FILE):
        write_json(directory / CHOSEN_FILE, fit.chosen)
