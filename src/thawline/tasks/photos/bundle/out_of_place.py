"""Where the photos of a run's classes lie among features, and from which distance on another is out of place."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thawline.decisions.abstention import UNKNOWN
from thawline.decisions.out_of_place import Array, OutOfPlace, Surroundings, fit_out_of_place
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.fitting.fit import read_fit
from thawline.fitting.folds import HOLDOUT, Fold, fold_directory
from thawline.fitting.tail import final_features
from thawline.tasks.capabilities import TaskProblem
from thawline.tasks.planning import how_to_fit
from thawline.tasks.run_model import RunModel, reread

Placed = tuple[OutOfPlace, Surroundings]


def place(fitted: RunModel, most: float) -> Placed:
    """Where the photos of the classes lie, and from which distance on at most the share `most` of such is beyond.

    How far away photos may lie is measured on those that neither the model nor the surroundings are made of: of a
    hold-out the inner ones, else each fold's.

    Raises:
        UserError: The run's photos are not there, are others, too few, or can have several labels.
    """
    if fitted.judged.scores is not None:
        raise UserError(f"out_of_place={most:g} goes by the classes of photos, and these have scores; leave it out")
    if fitted.judged.tags is not None:
        raise UserError(f"out_of_place={most:g} is for photos of one class each, and each label is told by itself here")
    try:
        problem, plan = reread(fitted)
    except UserError as error:
        raise UserError(f"out_of_place={most:g} can't be fitted: {error}") from error
    if UNKNOWN in problem.classes:
        raise UserError(f"a class is called {UNKNOWN}, as a model with out_of_place={most:g} answers; rename it")
    inner = set(fitted.judged.folds) == {HOLDOUT}
    with threadpool_limits(1):  # the sums of a threaded BLAS depend on how many threads there are
        apart = [*_apart(fitted, problem, plan, inner=inner)]
        held = np.concatenate([fold.test for fold, _ in apart])
        far = np.concatenate([distances for _, distances in apart])
        everything = plan[0].train if fitted.name == HOLDOUT else np.arange(len(problem.names))
        known = Surroundings.of(_features(problem, fitted.run, fitted.name, everything), problem.labels[everything])
    return fit_out_of_place(far, problem.groups[held], most, "inner" if inner else "out-of-fold"), known


def _apart(
    fitted: RunModel, problem: TaskProblem, plan: list[Fold], *, inner: bool
) -> Iterator[tuple[Fold, NDArray[np.float64]]]:
    """Each fold, and how far the photos that it holds out lie from those that it trains on."""
    how = how_to_fit(fitted.settings, fitted.run, find_device("cpu"), None)
    for whole in plan:
        fold = how.inner_fold(problem, whole) if inner else whole
        train, test = (_features(problem, fitted.run, whole.name, some) for some in (fold.train, fold.test))
        yield fold, Surroundings.of(train, problem.labels[fold.train]).distances(test)


def _features(problem: TaskProblem, run: Path, name: str, indices: NDArray[np.int64]) -> Array:
    """What enters the head for the photos `indices`, by the fit called `name`, [n, dim]."""
    tail = problem.tail()
    if tail.stages.state_dict():  # otherwise nothing below the head was trained, and all fits share their features
        tail.load_state_dict(read_fit(fold_directory(run, name)).state)
    features: Array = final_features(tail.stages, problem.samples(indices)).numpy()
    return features
