"""A linear head in closed form: multinomial logistic regression."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.inner import Splits, with_inner
from thawline.fitting.methods import Fit
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail


def fit_logistic(tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: LogisticSettings, seed: int) -> Fit:
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
    head = tail.head
    if not isinstance(head, DenseHead) or not isinstance(head.layers, nn.Linear):
        raise TypeError(f"logistic regression fits a linear head, not {type(head).__name__}")
    head.standardise.measure(torch.from_numpy(everything.matrix()).float())
    features = _standardised(everything, head)
    # One thread: the sums of a threaded BLAS depend on how many threads there are.
    with threadpool_limits(1):
        strength, losses = _choose(features, everything.targets, splits, settings.c)
        model = _regression(strength).fit(features, everything.targets)
    _copy_into(head.layers, model, everything.targets)
    chosen = {"c": strength, "inner_log_loss": losses, "inner_folds": len(splits)}
    return Fit(state=tail.state_dict(), chosen=chosen)


def _standardised(samples: FeatureSet, head: DenseHead) -> NDArray[np.float64]:
    matrix = samples.matrix()
    mean, scale = head.standardise.mean.double().numpy(), head.standardise.scale.double().numpy()
    scaled: NDArray[np.float64] = (matrix - mean) / scale
    return scaled


def _choose(
    features: NDArray[np.float64], targets: NDArray[np.int64], splits: Splits, strengths: Iterable[float]
) -> tuple[float, dict[str, float]]:
    """The strength with the least mean log-loss over the inner folds; the middle one where there are none."""
    ordered = sorted(strengths)
    if not splits or len(ordered) == 1:
        return ordered[len(ordered) // 2], {}
    labels = np.unique(targets)
    losses = {}
    for strength in ordered:
        folds = []
        for train, test in splits:
            model = _regression(strength).fit(features[train], targets[train])
            folds.append(log_loss(targets[test], model.predict_proba(features[test]), labels=labels))
        losses[str(strength)] = float(np.mean(folds))
    best = min(ordered, key=lambda strength: losses[str(strength)])
    return best, losses


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=5000, tol=1e-5)


def _copy_into(layer: nn.Linear, model: LogisticRegression, targets: NDArray[np.int64]) -> None:
    """Write the regression's coefficients into `layer`. With two classes scikit-learn keeps only their difference."""
    weight, bias = model.coef_, model.intercept_
    if len(np.unique(targets)) == 2:
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
