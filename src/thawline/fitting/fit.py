"""Fit one fold by whichever method the settings name, and keep what was fitted."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from thawline.data.splits import holdout
from thawline.errors import UserError
from thawline.files import read_json, write_atomically, write_json
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold, fold_directory
from thawline.fitting.methods import Fit
from thawline.fitting.settings import GradientSettings, LogisticSettings, MethodSettings, TrainerSettings
from thawline.fitting.tail import Tail
from thawline.runs.wandb import Mirror

if TYPE_CHECKING:
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

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The samples `indices`."""

    def tail(self) -> Tail:
        """A fresh tail, not yet fitted."""

    def zero_shot(self) -> Tail | None:
        """The pretrained network as it is, where it can answer and is not what is judged; else None."""

    def module(self, tail: Tail, samples: FeatureSet, seed: int) -> "TailModule":
        """The LightningModule that fits `tail` on `samples`."""


@dataclass(frozen=True)
class Fitting:
    """How the folds of one run are fitted.

    Attributes:
        method: How a tail is fitted.
        trainer: Precision and threads.
        inner_share: Share of the training groups by which a method chooses, where the fold gives no inner samples.
        seed: The run's seed.
        device: What to compute on.
        run: The run directory.
        mirror: A W&B run, or None.
    """

    method: MethodSettings
    trainer: TrainerSettings
    inner_share: float
    seed: int
    device: torch.device
    run: Path
    mirror: Mirror | None = None

    def directory(self, fold: Fold) -> Path:
        """Where `fold` keeps its checkpoints and its fitted tail."""
        return fold_directory(self.run, fold.name)


def fit_fold(problem: Problem, fold: Fold, how: Fitting, epochs: int | None = None) -> Fit:
    """Fit `fold` and keep the tail in its directory; a fold that was finished before is read back instead.

    Args:
        problem: The task's data.
        fold: Which samples.
        how: The method and what it computes on.
        epochs: A fixed number of epochs and no inner samples: for the refit on all data.
    """
    directory = how.directory(fold)
    if (directory / CHOSEN_FILE).exists():
        return read_fit(directory)
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(how.seed)  # a new head's starting weights
    if isinstance(how.method, GradientSettings):
        fit = _by_gradient(problem, fold, how, how.method, epochs)
    elif isinstance(how.method, LogisticSettings):
        from thawline.fitting.methods.logistic import fit_logistic  # late: scikit-learn takes a second to import

        inner = None if fold.inner is None else problem.samples(fold.inner)
        fit = fit_logistic(problem.tail(), problem.samples(fold.train), inner, how.method, how.seed)
    else:
        fit = Fit(problem.tail().state_dict())
    _keep(fit, directory)
    return fit


def read_fit(directory: Path) -> Fit:
    """The fit that `directory` keeps.

    Raises:
        UserError: There is none.
    """
    if not (directory / CHOSEN_FILE).exists() or not (directory / TAIL_FILE).exists():
        raise UserError(f"{directory} holds no fitted tail; the run did not finish")
    return Fit(load_file(directory / TAIL_FILE), read_json(directory / CHOSEN_FILE))


def _by_gradient(problem: Problem, fold: Fold, how: Fitting, method: GradientSettings, epochs: int | None) -> Fit:
    from thawline.fitting.methods.gradient import fit_gradient  # late: Lightning takes seconds to import

    train, inner = (fold.train, None) if epochs else _with_inner(problem, fold, how.inner_share, how.seed)
    samples = problem.samples(train)
    return fit_gradient(
        problem.module(problem.tail(), samples, how.seed),
        samples,
        None if inner is None else problem.samples(inner),
        method,
        how.trainer,
        how.directory(fold),
        seed=how.seed,
        device=how.device,
        epochs=epochs,
        mirror=how.mirror,
    )


def _with_inner(problem: Problem, fold: Fold, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The fold's training samples and the inner ones: the user's, or some of the training groups."""
    if fold.inner is not None:
        return fold.train, fold.inner
    samples = problem.samples(fold.train)
    held = holdout(samples.targets, samples.groups, fraction=share, seed=seed, classes=problem.classes)
    return fold.train[~held], fold.train[held]


def _keep(fit: Fit, directory: Path) -> None:
    """Write the tail, then what was chosen: a fold with the second file is finished."""
    state = {name: tensor.contiguous().clone() for name, tensor in fit.state.items()}
    write_atomically(directory / TAIL_FILE, lambda beside: save_file(state, beside))
    write_json(directory / CHOSEN_FILE, fit.chosen)
