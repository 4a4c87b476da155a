"""What a sweep ranks by: a method's predictions for inner samples, none of them seen by what is judged later."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from thawline.fitting.fit import FitOptions, fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.inner import inner_folds
from thawline.fitting.methods import FittedTail
from thawline.fitting.packed.folds import fit_folds
from thawline.fitting.predict import predict_fold
from thawline.fitting.problem import Problem
from thawline.runs.predictions import Predictions, join_predictions


def score_fold(problem: Problem, fold: Fold, how: FitOptions) -> tuple[Predictions, FittedTail]:
    """Fit without `fold`'s inner samples and say what they are. The samples that `fold` judges are not touched.

    Gradient descent mostly holds its inner samples out anyway, so the tail that is scored is the one that `fit_fold`
    gives. Any other method is fitted on less than it is when it is judged, and kept under a name of its own.

    Raises:
        UserError: A class has too few groups to be on both sides.
    """
    inner = how.inner_fold(problem, fold)
    if how.method.holds_out:
        fit = fit_fold(problem, fold, how)
    else:
        fit = fit_fold(problem, replace(inner, name=f"{fold.name}-inner", inner=None), how)
    return predict_fold(problem, inner, fit, how.device), fit


def cross_score_fold(problem: Problem, fold: Fold, how: FitOptions, folds: int) -> tuple[Predictions, FittedTail]:
    """Say what each sample that `fold` trains on is, by a fit on others, and give the last of these fits.

    The samples that `fold` judges are not touched, and nothing that was fitted is kept. Where a class has too few
    groups for two folds, or inner samples are given, it is done as `score_fold` does.

    Args:
        problem: The task's data.
        fold: Whose training samples.
        how: The method and what it computes on.
        folds: How many grouped folds of these; fewer where a class has fewer groups.

    Raises:
        UserError: A class has too few groups to be on both sides.
    """
    splits = [] if fold.inner is not None else inner_folds(problem.samples(fold.train), folds, how.seed)
    if not splits:
        return score_fold(problem, fold, how)
    tests = [fold.train[np.sort(held)] for _, held in splits]
    inners = [
        Fold(str(number), problem.apart(fold.train[train], test), None, test)
        for number, ((train, _), test) in enumerate(zip(splits, tests, strict=True))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        fits = fit_folds(problem, inners, replace(how, run=Path(scratch), mirror=None, keep_history=False))
        told = [predict_fold(problem, inner, fit, how.device) for inner, fit in zip(inners, fits, strict=True)]
    said = [replace(one, folds=(fold.name,) * len(test)) for one, test in zip(told, tests, strict=True)]
    return join_predictions(said), fits[-1]
