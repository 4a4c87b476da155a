"""Gradient-boosted trees on an encoder's features (Friedman, "Stochastic gradient boosting", 2002)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from threadpoolctl import threadpool_limits

from thawline.errors import UserError
from thawline.fitting.boosting import TreesSettings
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.trees import TreesHead
from thawline.fitting.inner import Splits, with_inner
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import Tail


def fit_trees(
    tail: Tail, train: FeatureSet, inner: FeatureSet | None, settings: TreesSettings, seed: int
) -> FittedTail:
    """Fit the tail's trees; their depth and number are those with the least inner log-loss.

    Args:
        tail: Its stages have no parameters and its head is a `TreesHead`.
        train: Training samples.
        inner: Given validation samples, on which depth and number are chosen; they are then trained on too. None:
            inner grouped folds of `train`.
        settings: What to choose from.
        seed: Fixes the inner folds, and which samples and features each tree sees.

    Raises:
        UserError: A class has no training sample.
    """
    everything, splits = with_inner(train, inner, settings.folds, seed)
    head = tail.head
    if not isinstance(head, TreesHead):
        raise TypeError(f"boosting fits trees, not {type(head).__name__}")
    if len(np.unique(everything.targets)) != head.classes:
        raise UserError(f"method={settings.name} needs a training sample of each of the {head.classes} classes")
    features = everything.matrix().astype(np.float32)
    with threadpool_limits(1):
        depth, rounds, losses = _choose(features, everything.targets, splits, settings, seed)
        model = _boosting(depth, rounds, settings, seed).fit(features, everything.targets)
    head.load_trees(model, features)
    chosen = {"depth": depth, "rounds": rounds, "inner_log_loss": losses, "inner_folds": len(splits)}
    return FittedTail(state=tail.state_dict(), chosen=chosen)


def _choose(
    features: NDArray[np.float32], targets: NDArray[np.int64], splits: Splits, settings: TreesSettings, seed: int
) -> tuple[int, int, dict[str, float]]:
    """Depth, number of rounds, and for each depth the least mean log-loss over the inner folds.

    Where there are no folds, the middle depth and all rounds.
    """
    depths = sorted(settings.depth)
    if not splits:
        return depths[len(depths) // 2], settings.rounds, {}
    courses = {depth: np.zeros(settings.rounds) for depth in depths}
    for depth, course in courses.items():
        for train, test in splits:
            model = _boosting(depth, settings.rounds, settings, seed).fit(features[train], targets[train])
            course += _log_losses(model, features[test], targets[test]) / len(splits)
    best = min(depths, key=lambda depth: courses[depth].min())
    losses = {str(depth): float(course.min()) for depth, course in courses.items()}
    return best, int(courses[best].argmin()) + 1, losses


def _log_losses(
    model: GradientBoostingClassifier, features: NDArray[np.float32], targets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Log-loss after each round, [rounds]. A class that `model` never saw has no probability."""
    said = np.zeros((model.n_estimators, len(targets), int(max(*targets, *model.classes_)) + 1))
    for i, each in enumerate(model.staged_predict_proba(features)):
        said[i][:, model.classes_] = each
    right = said[:, np.arange(len(targets)), targets]
    losses: NDArray[np.float64] = -np.log(np.clip(right, 1e-15, 1)).mean(axis=1)
    return losses


def _boosting(depth: int, rounds: int, settings: TreesSettings, seed: int) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(
        learning_rate=settings.rate,
        n_estimators=rounds,
        max_depth=depth,
        subsample=settings.share,
        max_features=settings.features,
        min_samples_leaf=settings.leaf,
        random_state=seed,
    )
