"""Boosted trees as tensors against scikit-learn's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier
from tests.fitting.problems import Clusters, fitting
from torch import nn

from thawline.errors import UserError
from thawline.fitting.boosting import TreesSettings
from thawline.fitting.fit import fit_fold, read_fit
from thawline.fitting.folds import Fold, fold_directory
from thawline.fitting.heads.trees import TreesHead
from thawline.fitting.methods.trees import fit_trees
from thawline.fitting.tail import Tail, predict


def trees(**changes):
    given = {"depth": [1, 3], "rounds": 8, "rate": 0.3, "share": 0.5, "features": 0.5, "folds": 3}
    return TreesSettings(name="trees", head="trees", **{**given, **changes})


class TreesClusters(Clusters):
    def tail(self):
        return Tail(nn.Identity(), TreesHead(3))


@settings(max_examples=25, deadline=None)
@given(
    classes=st.integers(2, 5),
    depth=st.integers(1, 4),
    rounds=st.integers(1, 12),
    dim=st.integers(1, 6),
    whole=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_the_head_says_what_scikit_learn_says(classes, depth, rounds, dim, whole, seed):
    generator = np.random.default_rng(seed)
    targets = np.arange(40) % classes
    features = (generator.normal(size=(40, dim)) + targets[:, None]).astype(np.float32)
    if whole:
        features = features.round()  # many samples on a threshold's either side
    model = GradientBoostingClassifier(n_estimators=rounds, max_depth=depth, learning_rate=0.3, random_state=seed)
    model.fit(features, targets)
    head = TreesHead(classes)
    head.load_trees(model, features)
    others = np.concatenate([features, features + generator.normal(size=features.shape).astype(np.float32)])
    said = head(torch.from_numpy(others)).numpy()
    expected = model.decision_function(others)
    if classes == 2:
        np.testing.assert_allclose(said[:, 1] - said[:, 0], expected, atol=1e-5)
    else:
        np.testing.assert_allclose(said, expected, atol=1e-5)
    again = TreesHead(classes)
    again.load_state_dict(head.state_dict())
    assert torch.equal(again(torch.from_numpy(others)), torch.from_numpy(said))


@pytest.mark.parametrize("step", [0, 1])  # of two neighbouring numbers the middle is rounded up, of the next two down
def test_a_value_beside_a_threshold_stays_on_its_side(step):
    edge = np.float32(1000)
    for _ in range(step):
        edge = np.nextafter(edge, np.float32(np.inf))
    features = np.array([[edge], [np.nextafter(edge, np.float32(np.inf))]] * 20, dtype=np.float32)
    model = GradientBoostingClassifier(n_estimators=3, max_depth=1).fit(features, np.tile([0, 1], 20))
    head = TreesHead(2)
    head.load_trees(model, features)
    assert head(torch.from_numpy(features)).argmax(dim=1).tolist() == [0, 1] * 20


def test_depth_and_number_have_the_least_inner_log_loss(clusters):
    tail = Tail(nn.Identity(), TreesHead(3))
    fit = fit_trees(tail, clusters, None, trees(), seed=0)
    losses, depth, rounds = (fit.chosen[name] for name in ("inner_log_loss", "depth", "rounds"))
    assert fit.chosen["inner_folds"] == 3
    assert depth == int(min(losses, key=losses.get))
    assert tail.head.feature.shape == (rounds, 3, 2**depth - 1)
    alone = fit_trees(Tail(nn.Identity(), TreesHead(3)), clusters, None, trees(depth=[depth], rounds=rounds), seed=0)
    assert alone.chosen["inner_log_loss"][str(depth)] == pytest.approx(losses[str(depth)])
    assert np.mean(predict(tail, clusters).argmax(axis=1) == clusters.targets) > 0.85


def test_given_inner_samples_choose_and_are_then_trained_on(clusters):
    train, inner = clusters.subset(np.arange(0, 90, 2)), clusters.subset(np.arange(1, 90, 2))
    tail = Tail(nn.Identity(), TreesHead(3))
    fit = fit_trees(tail, train, inner, trees(depth=[2], rounds=3), seed=1)
    both = np.concatenate([train.matrix(), inner.matrix()]).astype(np.float32)
    model = GradientBoostingClassifier(
        n_estimators=fit.chosen["rounds"], max_depth=2, learning_rate=0.3, subsample=0.5, max_features=0.5,
        min_samples_leaf=1, random_state=1,
    ).fit(both, np.concatenate([train.targets, inner.targets]))  # fmt: skip
    np.testing.assert_allclose(tail.head(torch.from_numpy(both)), model.decision_function(both), atol=1e-5)


def test_where_a_class_has_one_group_nothing_is_chosen(clusters):
    few = clusters.subset(np.array([0, 1, 30, 31, 60, 61]))
    fit = fit_trees(Tail(nn.Identity(), TreesHead(3)), few, None, trees(), seed=0)
    assert fit.chosen == {"depth": 3, "rounds": 8, "inner_log_loss": {}, "inner_folds": 0}


def test_a_class_without_training_samples_is_refused(clusters):
    two = clusters.subset(np.flatnonzero(clusters.targets < 2))
    with pytest.raises(UserError, match="method=trees needs a training sample of each of the 3 classes"):
        fit_trees(Tail(nn.Identity(), TreesHead(3)), two, None, trees(), seed=0)


def test_a_fold_is_fitted_kept_and_read_back_without_pickle(tmp_path):
    problem = TreesClusters(forbidden=np.arange(60, 66))
    train = np.setdiff1d(np.arange(90), np.arange(60, 66))
    fold = Fold("fold0", train, None, np.arange(60, 66))
    fit = fit_fold(problem, fold, fitting(trees(), tmp_path))
    kept = read_fit(fold_directory(tmp_path, "fold0"))
    tail = problem.tail()
    tail.load_state_dict(kept.state)
    samples = problem.samples(train)
    said = predict(tail, samples)
    tail.load_state_dict(fit.state)
    np.testing.assert_array_equal(predict(tail, samples), said)
    assert kept.chosen == fit.chosen


def test_the_state_of_another_number_of_classes_is_refused():
    with pytest.raises(RuntimeError, match="base"):
        TreesHead(3).load_state_dict(TreesHead(4).state_dict())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"depth": []}, "method.depth=.* must list at least one number, each from 1 to 8"),
        ({"depth": [9]}, "method.depth=.* must list at least one number, each from 1 to 8"),
        ({"rounds": 0}, "method.rounds=0 must be at least 1"),
        ({"rate": 0.0}, "method.rate=0.0 must be above 0 and at most 1"),
        ({"features": 1.5}, "method.features=1.5 must be above 0 and at most 1"),
        ({"folds": 1}, "method.folds=1 must be at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        trees(**changes)
