"""Logistic regression of several classes a sample, held against scikit-learn's of each."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods.logistic_tags import fit_logistic_tags
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, predict

COUNT, DIM = 60, 80  # fewer samples than dimensions: they are turned


class Pass(torch.nn.Module):
    def forward(self, features):
        return features


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(COUNT, DIM)).astype(np.float32)
    true = (matrix[:, :3] + 0.3 * generator.normal(size=(COUNT, 3))) > [0.0, 0.5, 1.0]
    sets, numbers = np.unique(true, axis=0, return_inverse=True)
    rows = {"features": torch.from_numpy(matrix)}
    samples = FeatureSet(Rows(rows), np.arange(COUNT), numbers.reshape(-1), np.arange(COUNT))
    return Tail(Pass(), DenseHead(DIM, 3), sets=sets), samples, true


class Rows:
    """Rows of a store, in memory."""

    def __init__(self, rows):
        self.rows = rows

    def __getitem__(self, indices):
        return {name: tensor[torch.as_tensor(indices)] for name, tensor in self.rows.items()}

    def __len__(self):
        return COUNT


def settings(*strengths, folds=3):
    return LogisticSettings(name="logistic", head="linear", c=list(strengths), folds=folds)


def test_each_class_is_what_a_regression_of_its_own_gives(problem):
    tail, samples, true = problem
    fit = fit_logistic_tags(tail, samples, None, settings(0.1), 0)
    tail.load_state_dict(fit.state)
    logits = torch.from_numpy(predict(tail, samples)).double().logit().numpy()
    calibration, share = fit.chosen["calibration"], true.mean(axis=0)
    lean = calibration["frequency"] * np.log(share / (1 - share)) + calibration["bias"]
    said = 1 / (1 + np.exp(-(logits - lean) / calibration["scale"]))
    scaled = (samples.matrix() - tail.head.standardise.mean.numpy()) / tail.head.standardise.scale.numpy()
    for i in range(3):
        own = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(scaled, true[:, i])
        assert said[:, i] == pytest.approx(own.predict_proba(scaled)[:, 1], abs=5e-3)


def test_the_strongest_penalty_near_the_least_loss_out_of_the_folds_is_taken(problem):
    tail, samples, _ = problem
    fit = fit_logistic_tags(tail, samples, None, settings(1e-4, 0.12, 100.0), 0)
    losses = {float(strength): loss for strength, loss in fit.chosen["inner_log_loss"].items()}
    assert (fit.chosen["c"], min(losses, key=losses.get)) == (0.12, 100.0)
    assert fit.chosen["inner_folds"] == 3
    assert len(fit.chosen["thresholds"]) == 3
    assert all(0 < edge < 1 for edge in fit.chosen["thresholds"])


def test_stronger_penalties_than_are_listed_are_tried_where_they_are_no_worse(problem):
    tail, samples, _ = problem
    mixed = np.random.default_rng(3).permutation(samples.targets)  # nothing can be learnt of them
    fit = fit_logistic_tags(
        tail, FeatureSet(samples.rows, samples.indices, mixed, samples.groups), None, settings(1.0, 3.0), 0
    )
    strengths = list(map(float, fit.chosen["inner_log_loss"]))
    assert strengths[0] == fit.chosen["c"] < 0.2
    assert strengths == sorted(strengths)


def test_what_was_shrunk_too_far_is_scaled_up_again(problem):
    tail, samples, true = problem
    fit = fit_logistic_tags(tail, samples, None, settings(0.01), 0)
    tail.load_state_dict(fit.state)
    calibration = fit.chosen["calibration"]
    assert calibration["scale"] > 1.1
    assert calibration["frequency"] < 0
    said = predict(tail, samples)
    assert said.mean() == pytest.approx(true.mean(), abs=0.05)


def test_given_inner_samples_choose_and_no_threshold_is_fitted_on_part_of_the_samples(problem):
    tail, samples, _ = problem
    train = FeatureSet(samples.rows, np.arange(40), samples.targets[:40], samples.groups[:40])
    inner = FeatureSet(samples.rows, np.arange(40, 60), samples.targets[40:], samples.groups[40:])
    fit = fit_logistic_tags(tail, train, inner, settings(0.01, 0.1), 0)
    assert fit.chosen["inner_folds"] == 1
    assert "thresholds" not in fit.chosen


def test_one_group_leaves_nothing_to_choose_by(problem):
    tail, samples, _ = problem
    alone = FeatureSet(samples.rows, samples.indices, samples.targets, np.zeros(COUNT, dtype=np.int64))
    fit = fit_logistic_tags(tail, alone, None, settings(0.01, 0.1, 1.0), 0)
    assert fit.chosen == {"c": 0.1, "inner_log_loss": {}, "inner_folds": 0}
