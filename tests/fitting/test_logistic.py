import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import nn

from thawline.fitting.heads.head import DenseHead
from thawline.fitting.inner import inner_folds
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, predict


def settings(*c):
    return LogisticSettings(name="logistic", head="linear", c=list(c), folds=3)


def test_the_tail_gives_scikit_learns_probabilities(clusters):
    tail = Tail(nn.Identity(), DenseHead(8, 3))
    fit = fit_logistic(tail, clusters, None, settings(1.0), seed=0)
    scaled = tail.head.standardise(torch.from_numpy(clusters.matrix()).float()).double().numpy()
    expected = LogisticRegression(C=1.0, max_iter=5000, tol=1e-5).fit(scaled, clusters.targets).predict_proba(scaled)
    tail.load_state_dict(fit.state)
    np.testing.assert_allclose(predict(tail, clusters), expected, atol=2e-4)
    assert fit.chosen["c"] == 1.0


def test_two_classes_too(clusters):
    two = clusters.subset(np.flatnonzero(clusters.targets < 2))
    tail = Tail(nn.Identity(), DenseHead(8, 2))
    fit_logistic(tail, two, None, settings(0.1), seed=0)
    scaled = tail.head.standardise(torch.from_numpy(two.matrix()).float()).double().numpy()
    expected = LogisticRegression(C=0.1, max_iter=5000, tol=1e-5).fit(scaled, two.targets).predict_proba(scaled)
    np.testing.assert_allclose(predict(tail, two), expected, atol=2e-4)


def test_the_strength_has_the_least_inner_log_loss(clusters):
    fit = fit_logistic(Tail(nn.Identity(), DenseHead(8, 3)), clusters, None, settings(1e-4, 0.1, 1e4), seed=0)
    losses = fit.chosen["inner_log_loss"]
    assert fit.chosen["inner_folds"] == 3
    assert fit.chosen["c"] == float(min(losses, key=losses.get)) == 0.1


def test_weak_penalties_are_not_tried_where_the_loss_rises_and_what_is_chosen_is_the_same(clusters):
    strengths = [10.0**power for power in range(-4, 5)]
    fit = fit_logistic(Tail(nn.Identity(), DenseHead(8, 3)), clusters, None, settings(*strengths), seed=0)
    tail = Tail(nn.Identity(), DenseHead(8, 3))
    scaled = columns_of(tail, clusters).matrix
    cold = {}
    for c in strengths:
        folds = [
            log_loss(
                clusters.targets[test],
                LogisticRegression(C=c, max_iter=5000, tol=1e-5).fit(scaled[train], clusters.targets[train])
                .predict_proba(scaled[test]),
            )
            for train, test in inner_folds(clusters, 3, 0)
        ]  # fmt: skip
        cold[str(c)] = np.mean(folds)
    assert fit.chosen["c"] == float(min(cold, key=cold.get))
    tried = fit.chosen["inner_log_loss"]
    assert list(tried) == list(cold)[: len(tried)]
    assert 3 <= len(tried) < len(strengths)
    for name, loss in tried.items():
        assert loss == pytest.approx(cold[name], rel=1e-3)


def test_given_inner_samples_choose_and_are_then_trained_on(clusters):
    train, inner = clusters.subset(np.arange(0, 90, 2)), clusters.subset(np.arange(1, 90, 2))
    tail = Tail(nn.Identity(), DenseHead(8, 3))
    fit = fit_logistic(tail, train, inner, settings(0.1, 10.0), seed=0)
    scaled = tail.head.standardise(torch.from_numpy(train.matrix()).float()).double().numpy()
    judged = tail.head.standardise(torch.from_numpy(inner.matrix()).float()).double().numpy()
    model = LogisticRegression(C=0.1, max_iter=5000, tol=1e-5).fit(scaled, train.targets)
    assert fit.chosen["inner_log_loss"]["0.1"] == pytest.approx(
        log_loss(inner.targets, model.predict_proba(judged)), rel=1e-3
    )
    assert torch.allclose(tail.head.standardise.mean, torch.from_numpy(clusters.matrix().mean(axis=0)).float())
    both = clusters.subset(np.concatenate([np.arange(0, 90, 2), np.arange(1, 90, 2)]))
    everything = tail.head.standardise(torch.from_numpy(both.matrix()).float()).double().numpy()
    ended = LogisticRegression(C=fit.chosen["c"], max_iter=5000, tol=1e-5).fit(everything, both.targets)
    np.testing.assert_allclose(tail.head.layers.weight.detach().numpy(), ended.coef_, rtol=1e-4, atol=1e-5)
    assert not np.allclose(ended.coef_, model.coef_, atol=0.05)


def test_where_a_class_has_one_group_nothing_is_chosen(clusters):
    few = clusters.subset(np.array([0, 1, 30, 31, 60, 61]))
    fit = fit_logistic(Tail(nn.Identity(), DenseHead(8, 3)), few, None, settings(0.1, 1.0, 10.0), seed=0)
    assert fit.chosen == {"c": 1.0, "inner_log_loss": {}, "inner_folds": 0}
