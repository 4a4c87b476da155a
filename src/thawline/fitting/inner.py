"""What a method in closed form chooses by: inner grouped folds of its training samples, or given inner samples."""

import numpy as np
from numpy.typing import NDArray

from thawline.data.stratified import stratified_group_folds
from thawline.fitting.feature_set import FeatureSet

Splits = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def with_inner(train: FeatureSet, inner: FeatureSet | None, folds: int, seed: int) -> tuple[FeatureSet, Splits]:
    """All samples to fit on in the end, and the positions among them to fit and to judge on before that.

    Args:
        train: Training samples.
        inner: Given validation samples, which choose and are then trained on too; None: grouped folds of `train`.
        folds: How many.
        seed: Fixes the folds.
    """
    if inner is None:
        return train, inner_folds(train, folds, seed)
    everything = joined(train, inner)
    return everything, [(np.arange(len(train)), np.arange(len(train), len(everything)))]


def with_grouped_inner(train: FeatureSet, inner: FeatureSet | None, folds: int, seed: int) -> tuple[FeatureSet, Splits]:
    """Like `with_inner`, but classes need not be on both sides: there may be hundreds of them, or none."""
    if inner is not None:
        return joined(train, inner), [(np.arange(len(train)), np.arange(len(train), len(train) + len(inner)))]
    folds = min(folds, len(np.unique(train.groups)))
    if folds < 2:
        return train, []
    from thawline.fitting.methods.scikit import GroupKFold  # late: scikit-learn takes a second to import

    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    return train, list(splitter.split(np.zeros(len(train)), groups=train.groups))


def joined(train: FeatureSet, inner: FeatureSet) -> FeatureSet:
    """The samples of both, in that order."""
    weights = None
    if train.weights is not None and inner.weights is not None:
        weights = np.concatenate([train.weights, inner.weights])
    return FeatureSet(
        rows=train.rows,
        indices=np.concatenate([train.indices, inner.indices]),
        targets=np.concatenate([train.targets, inner.targets]),
        groups=np.concatenate([train.groups, inner.groups]),
        weights=weights,
    )


def inner_folds(samples: FeatureSet, folds: int, seed: int) -> Splits:
    """Grouped inner folds; fewer where a class has fewer groups, none where a class has only one."""
    fewest = min(len(np.unique(samples.groups[samples.targets == c])) for c in np.unique(samples.targets))
    folds = min(folds, fewest)
    if folds < 2:
        return []
    test_fold = stratified_group_folds(samples.targets, samples.groups, folds, seed)
    splits = [(np.flatnonzero(test_fold != fold), np.flatnonzero(test_fold == fold)) for fold in range(folds)]
    classes = len(np.unique(samples.targets))
    return [(a, b) for a, b in splits if len(np.unique(samples.targets[a])) == classes]
