"""The plan of a run: who is trained on, who chooses, who is judged; and the fitting of each fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.data.splits import holdout, kfold
from thawline.errors import UserError

Indices = NDArray[np.int64]

# The names of the fits on all data and on the training side of a hold-out; those of a cross-validation have numbers.
REFIT, HOLDOUT = "all", "holdout"
# Checkpoints in the directory of a fold: of the latest step, where a Trainer runs, and of the best epoch.
LAST, BEST = "last.ckpt", "best.ckpt"


@dataclass(frozen=True)
class Fold:
    """One fitting.

    Attributes:
        name: The name of its directory.
        train: Samples that are trained on.
        inner: Samples that choices are made by, where the user gave them (a `val/` folder); None: the method takes some
            of the training groups if it needs them.
        test: Samples that are judged, read once; none for the refit on all data.
    """

    name: str
    train: Indices
    inner: Indices | None
    test: Indices


def plan_folds(
    labels: Indices,
    groups: Indices,
    sides: Sequence[str] | None,
    *,
    cv: int | None,
    share: float,
    seed: int,
    classes: Sequence[str],
) -> list[Fold]:
    """The folds of a run.

    Args:
        labels: Class of each sample, [N].
        groups: Group of each sample, [N].
        sides: A given split: `train`, `val` or `test`, or the number of a fold, for each sample; None: none given.
        cv: Number of folds; None: one hold-out.
        share: Share of the groups that the hold-out judges.
        seed: Fixes the split.
        classes: Names of the classes, for messages.

    Raises:
        UserError: A class has too few groups, or the given split and `cv` contradict each other.
    """
    if sides is not None:
        return _given(np.asarray(sides), cv)
    if cv is None:
        held = holdout(labels, groups, fraction=share, seed=seed, classes=classes)
        return [Fold(HOLDOUT, np.flatnonzero(~held), None, np.flatnonzero(held))]
    numbers = kfold(labels, groups, folds=cv, seed=seed, classes=classes)
    return [_number(numbers, k) for k in range(cv)]


def _given(sides: NDArray[np.str_], cv: int | None) -> list[Fold]:
    names = set(sides.tolist())
    if names <= {"train", "val", "test"}:
        if "train" not in names or len(names) < 2:
            raise UserError(f"the given split has only {' and '.join(sorted(names))}; it needs train, and test or val")
        if cv is not None:
            raise UserError("the samples come with a train/test split, so cv can't be used; leave cv out")
        # Without a test side, the validation side is what is judged, and choices are made inside the training side.
        judged = "test" if "test" in names else "val"
        inner = np.flatnonzero(sides == "val")
        return [
            Fold(
                HOLDOUT,
                train=np.flatnonzero(sides == "train"),
                inner=inner if judged == "test" and len(inner) else None,
                test=np.flatnonzero(sides == judged),
            )
        ]
    numbers = sides.astype(np.int64)
    folds = np.unique(numbers)
    if cv is not None and cv != len(folds):
        raise UserError(f"cv={cv}, but the split file names {len(folds)} folds; leave cv out")
    return [_number(numbers, int(k)) for k in folds]


def _number(numbers: Indices, k: int) -> Fold:
    return Fold(f"fold{k}", np.flatnonzero(numbers != k), None, np.flatnonzero(numbers == k))


def fold_directory(run: Path, name: str) -> Path:
    """Where the fold `name` keeps its checkpoints and its fitted tail."""
    return run / "folds" / name
