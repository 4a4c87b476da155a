"""Gaussian discriminant analysis, and weights in closed forms."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods.gda import fit_gda
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.settings import GaussianSettings, LogisticSettings
from thawline.fitting.tail import Tail, predict

GDA = GaussianSettings(name="gda", head="linear", shrinkage=[0.5, 0.9, 1.0], folds=3)
LOGISTIC = LogisticSettings(name="logistic", head="linear", c=[0.1])


class Rows:
    """Features in memory."""

    def __init__(self, matrix):
        self._matrix = torch.from_numpy(matrix)

    def __len__(self):
        return len(self._matrix)

    def __getitem__(self, indices):
        return {"features": self._matrix[indices]}


class Stages(torch.nn.Module):
    """A tail that begins at the head."""

    def forward(self, features):
        return features


def samples(n=60, dim=8, classes=2, weights=None, seed=0):
    draw = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    apart = np.random.default_rng(99).normal(size=dim) * 4 / np.sqrt(dim)
    matrix = draw.normal(size=(n, dim)) * np.linspace(0.5, 3, dim) + targets[:, None] * apart
    indices = np.arange(n)
    return FeatureSet(Rows(matrix.astype(np.float32)), indices, targets, indices, weights=weights)


def tail(dim=8, classes=2, *, one_logit=False):
    return Tail(Stages(), DenseHead(dim, classes, one_logit=one_logit))


def fitted(fit, train, settings, **head):
    """The fitted tail."""
    made = tail(train.matrix().shape[1], **head)
    found = fit(made, train, None, settings, 0)
    made.load_state_dict(found.state)
    return made, found


@pytest.mark.parametrize(("n", "dim"), [(60, 8), (30, 50)])
@pytest.mark.parametrize("classes", [2, 3])
def test_its_weights_are_those_of_scikit_learn_but_for_the_scale(n, dim, classes):
    train = samples(n, dim, classes)
    settings = GaussianSettings(name="gda", head="linear", shrinkage=[0.7])
    made, found = fitted(fit_gda, train, settings, classes=classes)
    head = made.head
    scaled = head.standardise(torch.from_numpy(train.matrix()).float()).numpy()
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.7).fit(scaled, train.targets)
    said = found.chosen["scale"] * np.atleast_2d(model.decision_function(scaled).T).T
    logits = head.layers(torch.from_numpy(scaled)).detach().numpy()
    if classes == 2:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], said[:, 0], atol=2e-4)
    else:
        spread = said - said.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(logits - logits.mean(axis=1, keepdims=True), spread, atol=2e-4)


def test_its_probabilities_are_as_sure_as_they_are_right_where_features_outnumber_samples():
    train, new = samples(40, 300), samples(600, 300, seed=1)
    made, found = fitted(fit_gda, train, GDA)
    said = predict(made, new)
    assert 0 < found.chosen["scale"] < 0.5
    assert -np.log(said[np.arange(600), new.targets]).mean() < np.log(2)
    made.head.layers.weight.data /= found.chosen["scale"]
    made.head.layers.bias.data /= found.chosen["scale"]
    own = predict(made, new)
    assert -np.log(own[np.arange(600), new.targets]).mean() > np.log(2)
    assert np.array_equal(own.argmax(axis=1), said.argmax(axis=1))


def test_without_inner_folds_it_is_never_sure():
    train = samples(3)
    _, found = fitted(fit_gda, train, GDA)
    assert found.chosen["inner_folds"] == 0
    made, _ = fitted(fit_gda, train, GDA)
    assert predict(made, train).max() <= 1 / (1 + np.exp(-1)) + 1e-6


@pytest.mark.parametrize(("fit", "settings"), [(fit_gda, GDA), (fit_logistic, LOGISTIC)])
@pytest.mark.parametrize("one_logit", [False, True])
def test_a_weight_of_two_is_the_same_sample_twice(fit, settings, one_logit):
    plain = samples(30)
    twice = np.concatenate([np.arange(30), np.arange(0, 30, 3)])
    repeated = plain.subset(twice)
    weighted = samples(30, weights=np.where(np.arange(30) % 3 == 0, 2.0, 1.0))
    # The scaling of features and the inner folds see samples, not weights: both are taken from the same ones.
    one = GaussianSettings(name="gda", head="linear", shrinkage=[0.9], folds=2) if fit is fit_gda else settings
    first, _ = fitted(fit, weighted, one, one_logit=one_logit)
    second = tail(one_logit=one_logit)
    second.load_state_dict(fit(second, repeated, None, one, 0).state)
    new = samples(50, seed=1)
    a, b = (np.log(predict(each, new)) for each in (first, second))
    a, b = a[:, 1] - a[:, 0], b[:, 1] - b[:, 0]
    assert np.corrcoef(a, b)[0, 1] > 0.9999
    unweighted, _ = fitted(fit, plain, one, one_logit=one_logit)
    c = np.log(predict(unweighted, new))
    assert np.abs(a - (c[:, 1] - c[:, 0])).max() > 0.02


def test_one_logit_is_the_difference_of_two():
    train = samples()
    two, _ = fitted(fit_logistic, train, LOGISTIC)
    one, _ = fitted(fit_logistic, train, LOGISTIC, one_logit=True)
    assert one.head.layers.weight.shape == (1, 8)
    np.testing.assert_allclose(predict(one, train), predict(two, train), atol=1e-6)
    logits = one.head(torch.from_numpy(train.matrix()).float())
    assert torch.all(logits[:, 0] == 0)


def test_a_weighted_regression_is_scikit_learns():
    weights = np.random.default_rng(1).uniform(0.5, 3, 60)
    made, _ = fitted(fit_logistic, samples(weights=weights), LOGISTIC, one_logit=True)
    train = samples(weights=weights)
    scaled = made.head.standardise(torch.from_numpy(train.matrix()).float()).numpy()
    model = LogisticRegression(C=0.1, tol=1e-5, max_iter=5000).fit(scaled, train.targets, weights)
    np.testing.assert_allclose(made.head.layers.weight.numpy(force=True), model.coef_, atol=1e-3)


def test_what_a_head_leans_to_is_where_it_begins():
    """A direction that is right makes up for samples that are few; one that is wrong does no lasting harm."""
    train, new = samples(12, 40, seed=3), samples(400, 40, seed=4)
    truth = torch.from_numpy(new.matrix()[new.targets == 1].mean(axis=0) - new.matrix()[new.targets == 0].mean(axis=0))
    right = {}
    for fit, settings in ((fit_logistic, LOGISTIC), (fit_gda, GDA)):
        for name, toward in (("none", None), ("true", truth.float()), ("false", -truth.float())):
            made = tail(40, one_logit=True)
            made.head.toward = toward
            made.load_state_dict(fit(made, train, None, settings, 0).state)
            right[name] = (predict(made, new).argmax(axis=1) == new.targets).mean()
        assert right["true"] >= right["none"]
        assert right["false"] > right["none"] - 0.1


@pytest.mark.parametrize("wrong", [[], [0.0], [1.5]])
def test_a_shrinkage_out_of_range_is_refused(wrong):
    with pytest.raises(UserError, match=r"method\.shrinkage="):
        GaussianSettings(name="gda", head="linear", shrinkage=wrong)
