"""A linear head in closed form: multinomial logistic regression."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import Splits, with_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.methods.scikit import LogisticRegression, log_loss
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail

_HOW: Mapping[str, Any] = {"max_iter": 5000, "tol": 1e-5}


def fit_logistic(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: LogisticSettings, seed: int
) -> FittedTail:
    """Fit the tail's linear head; the strength of the penalty is the one with the least inner log-loss.

    Args:
        tail: Its stages have no parameters and its head is a linear `DenseHead`.
        train: Training samples.
        inner: Given validation samples, on which the strength is chosen; they are then trained on too. None: inner
            grouped folds of `train`.
        settings: The strengths to choose from.
        seed: Fixes the inner folds.
    """
    everything, splits = with_inner(train, inner, settings.folds, seed)
    columns = columns_of(tail, everything)
    features, targets, weights = columns.matrix, everything.targets, everything.weights
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        strength, losses = _choose(features, targets, weights, splits, settings.c)
        model = LogisticRegression(C=strength, **_HOW).fit(features, targets, weights)
    columns.keep(*_coefficients(model, targets))
    chosen = {"c": strength, "inner_log_loss": losses, "inner_folds": len(splits)}
    return FittedTail(state=tail.state_dict(), chosen=chosen)


def _choose(
    features: NDArray[np.float64],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
    splits: Splits,
    strengths: Iterable[float],
) -> tuple[float, dict[str, float]]:
    """The strength with the least mean log-loss over the inner folds; the middle one where there are none.

    Each sample that is judged counts once, whatever its weight in the training: so it is in the reported figures.
    """
    ordered = sorted(strengths)
    if not splits or len(ordered) == 1:
        return ordered[len(ordered) // 2], {}
    labels = np.unique(targets)
    losses: dict[str, float] = {}
    # Each strength begins where the one before it ended, from the strongest penalty on.
    models = [LogisticRegression(warm_start=True, **_HOW) for _ in splits]
    for strength in ordered:
        folds = []
        for model, (train, test) in zip(models, splits, strict=True):
            model.set_params(C=strength).fit(features[train], targets[train], _some(weights, train))
            folds.append(log_loss(targets[test], model.predict_proba(features[test]), labels=labels))
        losses[str(strength)] = float(np.mean(folds))
        if _rose_twice(list(losses.values())):
            break
    best = min(losses, key=lambda name: losses[name])
    return float(best), losses


def _rose_twice(losses: Sequence[float]) -> bool:
    """Whether the last two are each more than the one before: the loss has one valley, and weak penalties are slow."""
    return len(losses) > 2 and losses[-3] < losses[-2] < losses[-1]


def _some(weights: NDArray[np.float64] | None, positions: NDArray[np.int64]) -> NDArray[np.float64] | None:
    return None if weights is None else weights[positions]


def _coefficients(
    model: LogisticRegression, targets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The regression's weights [classes, columns] and biases; of two classes scikit-learn keeps their difference."""
    weight, bias = model.coef_, model.intercept_
    if len(np.unique(targets)) == 2:
        return np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    return weight, bias
