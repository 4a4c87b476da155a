"""Inner folds, by which a method in closed form chooses."""

import numpy as np
from tests.fitting.conftest import ArrayRows

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.inner import inner_folds, with_inner


def judged_by(folds):
    return [test.tolist() for _, test in folds]


def test_no_group_is_on_both_sides_and_every_sample_is_judged_once(clusters):
    for seed in range(5):
        folds = inner_folds(clusters, 3, seed)
        for train, test in folds:
            assert not set(clusters.groups[train]) & set(clusters.groups[test])
            assert sorted([*train, *test]) == list(range(90))
        assert sorted(position for _, test in folds for position in test) == list(range(90))


def test_the_seed_and_it_alone_decides_the_folds(clusters):
    assert judged_by(inner_folds(clusters, 3, 0)) == judged_by(inner_folds(clusters, 3, 0))
    assert judged_by(inner_folds(clusters, 3, 0)) != judged_by(inner_folds(clusters, 3, 1))


def test_there_are_no_more_folds_than_the_rarest_class_has_groups(clusters):
    few = clusters.subset(np.flatnonzero((clusters.targets > 0) | (clusters.groups < 2)))
    assert len(inner_folds(few, 5, 0)) == 2


def test_given_inner_samples_keep_their_targets_and_groups_and_are_judged_alone(clusters):
    train, inner = clusters.subset(np.arange(0, 60)), clusters.subset(np.arange(60, 90))
    everything, [(fitted, judged)] = with_inner(train, inner, 3, 0)
    assert (fitted.tolist(), judged.tolist()) == (list(range(60)), list(range(60, 90)))
    for name in ("indices", "targets", "groups"):
        assert np.array_equal(getattr(everything, name), getattr(clusters, name))


def test_a_fold_whose_training_side_lacks_a_class_is_left_out():
    """Each class has two groups, as many as there are folds, and a group of both is between them."""
    targets, groups = np.array([0, 1, 0, 1]), np.array([1, 2, 2, 3])
    samples = FeatureSet(ArrayRows(np.zeros((4, 2), np.float32)), np.arange(4), targets, groups)
    folds = inner_folds(samples, 2, 0)
    assert len(folds) < 2
    assert all(set(targets[train]) == {0, 1} for train, _ in folds)
