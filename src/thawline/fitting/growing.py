"""A method fitted on ever more of the samples that a fold trains on, judged on those that the fold holds out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.fitting.fit import FitOptions
from thawline.fitting.folds import Fold
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.predict import predict_fold
from thawline.fitting.problem import Problem
from thawline.runs.predictions import Predictions, join_predictions

Indices = NDArray[np.int64]

_FEWEST, _LEAST_SIZES, _MOST_SIZES = 4, 4, 7  # groups of a class in the smallest subset; sizes
_RATIO = 2**0.5


@dataclass(frozen=True)
class Grown:
    """What was said of the held-out samples by fits on part of the training samples.

    Attributes:
        size: How large that part was, a share of the training samples.
        said: By each draw of it.
    """

    size: float
    said: tuple[Predictions, ...]


def sizes_for(problem: Problem, plan: Sequence[Fold]) -> list[float]:
    """The shares of the training groups to fit on besides all, rising by the root of 2; half is among them.

    Raises:
        UserError: A class has too few groups for a curve.
    """
    fewest, label = min(
        (len(np.unique(problem.groups[fold.train][problem.labels[fold.train] == k])), name)
        for fold in plan
        for k, name in enumerate(problem.classes)
    )
    shares = [_RATIO**-step for step in range(_MOST_SIZES)]
    shares = [share for share in shares if share * fewest >= _FEWEST - 1e-9]
    if len(shares) < _LEAST_SIZES:
        needed = int(np.ceil(_FEWEST * _RATIO ** (_LEAST_SIZES - 1)))
        raise UserError(
            f"a curve needs {needed} groups of each class to train on in each fold, and '{label}' has {fewest}; add "
            "photos of it from other occasions, or leave it out of the training with data.classes"
        )
    return shares[:0:-1]


def grow(
    problem: Problem,
    plan: Sequence[Fold],
    how: FitOptions,
    sizes: Sequence[float],
    draws: int,
    advance: Callable[[float], None] = lambda _: None,
) -> list[Grown]:
    """Fit `draws` nested series of subsets of each fold's training samples, no group cut, of each class as much.

    The same samples are judged at each size, and no sample by a fit on one of its group.

    Args:
        problem: The task's data.
        plan: The folds.
        how: The method and what it computes on; nothing is written to its run.
        sizes: Shares of the training groups, below 1.
        draws: How many series.
        advance: Called with 1 after each fit.
    """
    said: dict[float, list[Predictions]] = {size: [] for size in sizes}
    shares: dict[float, list[float]] = {size: [] for size in sizes}
    for draw in range(draws):
        parts: dict[float, list[Predictions]] = {size: [] for size in sizes}
        for number, fold in enumerate(plan):
            ranks = _ranks(problem, fold.train, np.random.default_rng([how.seed, draw, number]))
            for size in sizes:
                train = fold.train[ranks <= size]
                shares[size].append(len(train) / len(fold.train))
                parts[size].append(_judge(problem, replace(fold, train=train), how))
                advance(1)
        for size in sizes:
            said[size].append(join_predictions(parts[size]))
    return [Grown(float(np.mean(shares[size])), tuple(said[size])) for size in sizes]


def fit_whole(problem: Problem, plan: Sequence[Fold], how: FitOptions) -> Predictions:
    """What fits on all training samples say of those held out; nothing is written to the run."""
    return join_predictions([_judge(problem, fold, how) for fold in plan])


def _judge(problem: Problem, fold: Fold, how: FitOptions) -> Predictions:
    with tempfile.TemporaryDirectory() as scratch:
        apart = replace(how, run=Path(scratch), mirror=None, keep_history=False, watch=None)
        [fit] = fit_folds(problem, [fold], apart)
        return predict_fold(problem, fold, fit, how.device)


def _ranks(problem: Problem, train: Indices, random: np.random.Generator) -> NDArray[np.float64]:
    """From which share on each sample of `train` belongs to the subset, [n]: groups of a class enter in a random order.

    A group enters where its middle lies among the samples of its class, the one that most of it has; the first of each
    class enter with the smallest share.
    """
    labels = problem.labels[train]
    _, groups = np.unique(problem.groups[train], return_inverse=True)
    counts = np.zeros((int(groups.max()) + 1, len(problem.classes)))
    np.add.at(counts, (groups, labels), 1)
    own, sizes = counts.argmax(axis=1), counts.sum(axis=1)
    enters = np.zeros(len(sizes))
    for label in np.unique(own):
        order = random.permutation(np.flatnonzero(own == label))
        ends = np.cumsum(sizes[order])
        enters[order] = (ends - sizes[order] / 2) / ends[-1]
        enters[order[:_FEWEST]] = 0.0
    ranks: NDArray[np.float64] = enters[groups]
    return ranks
