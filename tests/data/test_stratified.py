"""Stratified folds of groups, beside scikit-learn's."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from thawline.data.stratified import stratified_group_folds


def folds_of_scikit_learn(labels, groups, folds, seed):
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    test_fold = np.full(len(labels), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, test) in enumerate(splitter.split(labels, labels, groups)):
            test_fold[test] = fold
    return test_fold.tolist()


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(12, 80),
    classes=st.integers(1, 12),
    groups=st.integers(12, 60),
    folds=st.integers(2, 11),
    mixed=st.booleans(),
)
def test_they_are_those_of_scikit_learn(seed, samples, classes, groups, folds, mixed):
    rng = np.random.default_rng(seed)
    # At least a group for each fold, and a class of as many samples.
    group_of = np.concatenate([np.arange(12), rng.integers(0, groups, samples)]) * 7
    labels = rng.integers(0, classes, len(group_of)) if mixed else group_of // 7 % classes
    labels[:12] = 0
    theirs = folds_of_scikit_learn(labels, group_of, folds, seed)
    assert stratified_group_folds(labels, group_of, folds, seed).tolist() == theirs


@pytest.mark.parametrize(("groups", "classes", "folds"), [(600, 30, 5), (300, 2, 20), (300, 200, 3)])
def test_of_many_groups_too(groups, classes, folds):
    rng = np.random.default_rng(groups)
    group_of = np.concatenate([np.arange(groups), rng.integers(0, groups, groups)])
    labels = np.concatenate([np.zeros(folds, dtype=np.int64), rng.integers(0, classes, 2 * groups - folds)])
    theirs = folds_of_scikit_learn(labels, group_of, folds, 3)
    assert stratified_group_folds(labels, group_of, folds, 3).tolist() == theirs


def test_labels_and_groups_may_be_names():
    labels, groups = np.array(["b", "a"] * 10), np.array([f"g{i // 2}" for i in range(20)])
    test_fold = stratified_group_folds(labels, groups, 5, 0)
    assert test_fold.tolist() == folds_of_scikit_learn(labels, groups, 5, 0)
