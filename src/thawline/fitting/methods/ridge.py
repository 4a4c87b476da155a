"""A linear head that gives a score, in closed form: ridge regression."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.scores import ScoreHead
from thawline.fitting.inner import Splits, with_grouped_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.methods.scikit import Ridge
from thawline.fitting.ridge import RidgeSettings
from thawline.fitting.tail import Tail


def fit_ridge(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: RidgeSettings, seed: int
) -> FittedTail:
    """Fit the tail's linear head; the strength of the penalty is the one with the least inner squared error.

    Args:
        tail: Its stages have no parameters and its head is a linear `ScoreHead`.
        train: Training samples.
        inner: Given validation samples, on which the strength is chosen; they are then trained on too. None: inner
            grouped folds of `train`.
        settings: The strengths to choose from.
        seed: Fixes the inner folds.
    """
    everything, splits = with_grouped_inner(train, inner, settings.folds, seed)
    columns, head = columns_of(tail, everything), tail.head
    if not isinstance(head, ScoreHead):
        raise TypeError(f"ridge regression fits a head of scores, not {type(head).__name__}")
    scores = tail.scores_of(everything.targets)
    head.measure(scores)
    wanted = (scores - scores.mean()) / (scores.std() or 1.0)
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        strength, errors = _choose(columns.matrix, wanted, splits, sorted(settings.alpha))
        model = Ridge(alpha=strength).fit(columns.matrix, wanted)
    columns.keep(model.coef_[None], np.array([model.intercept_]))
    chosen = {"alpha": strength, "inner_squared_error": errors, "inner_folds": len(splits)}
    return FittedTail(state=tail.state_dict(), chosen=chosen)


def _choose(
    features: NDArray[np.float64], wanted: NDArray[np.float64], splits: Splits, strengths: list[float]
) -> tuple[float, dict[str, float]]:
    """The strength with the least mean squared error over the inner folds; the middle one where there are none."""
    if not splits or len(strengths) == 1:
        return strengths[len(strengths) // 2], {}
    errors: dict[str, float] = {}
    for strength in strengths:
        folds = []
        for train, test in splits:
            said = Ridge(alpha=strength).fit(features[train], wanted[train]).predict(features[test])
            folds.append(float(((said - wanted[test]) ** 2).mean()))
        errors[str(strength)] = float(np.mean(folds))
    return float(min(errors, key=lambda name: errors[name])), errors
