"""What a fitted tail, and the baseline, say of the samples that a fold holds out."""

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.problem import Problem
from thawline.fitting.tail import predict
from thawline.runs.predictions import Predictions, scored_predictions


def predict_fold(
    problem: Problem,
    fold: Fold,
    fit: FittedTail,
    device: torch.device,
    usual: float | None = None,
) -> Predictions:
    """The predictions of the tail of `fit`, and the baseline's, for the samples that `fold` holds out.

    `usual` is the class that most of the tail's training samples have, or the mean of their scores; None: that of
    `fold.train`.
    """
    tail = problem.tail()
    tail.load_state_dict(fit.state)
    views = problem.judged(fold.test)
    probabilities = np.mean([predict(tail, view, device) for view in views], axis=0)
    names = problem.names  # made anew whenever they are asked for
    paths, folds = tuple(names[i] for i in fold.test), (fold.name,) * len(fold.test)
    people = None if problem.people is None else problem.people[fold.test]
    if (scores := problem.scores(fold, probabilities, usual)) is not None:
        return scored_predictions(paths, problem.groups[fold.test], folds, scores, people)
    if usual is None:
        usual = int(np.bincount(problem.labels[fold.train], minlength=len(problem.classes)).argmax())
    return Predictions(
        paths=paths,
        groups=problem.groups[fold.test],
        labels=problem.labels[fold.test],
        folds=folds,
        probabilities=probabilities,
        baseline=_baseline(problem, fold, views[0], fit, device, int(usual)),
        classes=problem.classes,
        decided=problem.answers(probabilities, fit),
        tags=problem.tags(fold, probabilities, fit),
        people=people,
    )


def _baseline(
    problem: Problem, fold: Fold, samples: FeatureSet, fit: FittedTail, device: torch.device, majority: int
) -> NDArray[np.int64]:
    """Zero-shot where the encoder has text and something was fitted, a task's reference, or the majority class."""
    said = problem.reference(fold)
    if said is not None:
        return said
    zero_shot = problem.zero_shot(fit)
    if zero_shot is None:
        return np.full(len(fold.test), majority, dtype=np.int64)
    answers: NDArray[np.int64] = predict(zero_shot, samples, device).argmax(axis=1).astype(np.int64)
    return answers
