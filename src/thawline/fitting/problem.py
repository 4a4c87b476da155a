"""What fitting and judging need of a task's data."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.splits import holdout
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import Tail
from thawline.runs.predictions import Scores, Tags


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

    def begun(self, train: Callable[[], NDArray[np.int64]]) -> "Problem":
        """The problem with what is chosen before anything is fitted, by the samples that `train` gives; or itself."""

    def tail(self) -> Tail:
        """A fresh tail, not yet fitted."""

    def zero_shot(self, fit: FittedTail) -> Tail | None:
        """The pretrained network as it is, where it can answer and is not what is judged; else None.

        Where it needs a threshold to answer, that is what `settle` fitted for it on the inner samples of `fit`.
        """

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """What a simple method that is fitted on the same side says of the samples that `fold` holds out; None: none.

        With one it is what the run is compared with.
        """

    def apart(self, train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """The samples `train`, without those that share something (a text, say) with `held` across groups."""

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with what is fitted on `inner` samples after the training, such as a threshold, and what it depends on.

        Where none were held out, `earlier` has the folds' fits, whose choices stand for it.
        """

    def answers(self, probabilities: NDArray[np.float32], fit: FittedTail) -> NDArray[np.int64] | None:
        """The class that `fit` decides for in each row of `probabilities` [n, classes]; None: the most probable."""

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> Tags | None:
        """All classes of the samples that `fold` holds out, and those said of them, where there can be several.

        None: each sample has one. `probabilities` are those of the samples, [n, classes].
        """

    def scores(self, fold: Fold, said: NDArray[np.float32], usual: float | None) -> Scores | None:
        """The scores of the samples that `fold` holds out, what they were said to be, and the baseline.

        None: the samples have classes. `said` is what the tail gave, [n, 1]; `usual` what the baseline says of each
        sample, None: the mean of those that `fold` trains on.
        """

    @property
    def people(self) -> NDArray[np.bool_] | None:
        """Whether each sample, a photo, shows people, [N]; None: nobody looked."""

    def save_model(self, folder: Path, state: Mapping[str, torch.Tensor]) -> None:
        """Write the network with the tail's `state` into `folder`, as its own library reads it; complete or absent."""


class Plain:
    """A problem whose groups cover all that samples have in common, and whose answer is the most probable class."""

    untold: Sequence[str] = ()

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """None."""
        return None

    def begun(self, train: Callable[[], NDArray[np.int64]]) -> Self:
        """Itself: nothing is chosen."""
        return self

    def apart(self, train: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
        """All of `train`."""
        return train

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` as it is."""
        return fit

    def answers(self, probabilities: NDArray[np.float32], fit: FittedTail) -> NDArray[np.int64] | None:
        """The most probable class."""
        return None

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> Tags | None:
        """None: each sample has one class."""
        return None

    def scores(self, fold: Fold, said: NDArray[np.float32], usual: float | None) -> Scores | None:
        """None: samples have classes."""
        return None

    @property
    def people(self) -> NDArray[np.bool_] | None:
        """None: nobody looked."""
        return None

    def save_model(self, folder: Path, state: Mapping[str, torch.Tensor]) -> None:
        """Not offered: `thawline export` writes such a model when the run is over.

        Raises:
            UserError: Always.
        """
        raise UserError("trainer.save_models=true is for task=match; 'thawline export' writes a finished run's model")


def inner_fold(problem: Problem, fold: Fold, *, share: float, seed: int) -> Fold:
    """`fold` one level further in: trained on part of its training side, and tested on the inner samples.

    The inner samples are the user's (a `val/` folder), or some of the training groups. They choose: the epoch, and a
    sweep's winner.

    Args:
        problem: The task's data.
        fold: Who is trained on.
        share: Share of the training groups that choose, where the fold gives no inner samples.
        seed: Fixes which.

    Raises:
        UserError: A class has too few groups to be on both sides.
    """
    if fold.inner is not None:
        return Fold(fold.name, fold.train, fold.inner, fold.inner)
    labels, groups = problem.labels[fold.train], problem.groups[fold.train]
    held = holdout(labels, groups, fraction=share, seed=seed, classes=problem.classes)
    inner = fold.train[held]
    return Fold(fold.name, problem.apart(fold.train[~held], inner), inner, inner)
