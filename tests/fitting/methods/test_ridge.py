import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.scores import ScoreHead
from thawline.fitting.inner import with_grouped_inner
from thawline.fitting.methods.linear import columns_of
from thawline.fitting.methods.ridge import fit_ridge
from thawline.fitting.ridge import RidgeSettings
from thawline.fitting.tail import Tail, predict

SAMPLES, DIM = 40, 6


class Rows:
    def __init__(self, matrix):
        self._matrix = matrix

    def __len__(self):
        return len(self._matrix)

    def __getitem__(self, indices):
        return {"features": torch.from_numpy(self._matrix[indices])}


class Pass(nn.Module):
    def forward(self, features):
        return features


def made(shift=0.0, factor=1.0):
    random = np.random.default_rng(0)
    matrix = random.normal(size=(SAMPLES, DIM)) * 3 + 1
    scores = shift + factor * (matrix @ random.normal(size=DIM) + 2 * random.normal(size=SAMPLES))
    levels, numbers = np.unique(scores, return_inverse=True)
    samples = FeatureSet(Rows(matrix), np.arange(SAMPLES), numbers, np.arange(SAMPLES) // 2)
    return Tail(Pass(), ScoreHead(DIM), levels=levels), samples, scores


def ridge(*alpha):
    return RidgeSettings(name="ridge", head="linear", alpha=list(alpha), folds=4)


def test_the_tail_gives_scikit_learns_scores():
    tail, samples, scores = made()
    fit = fit_ridge(tail, samples, None, ridge(5.0), seed=0)
    matrix = columns_of(Tail(Pass(), ScoreHead(DIM)), samples).matrix
    z = (scores - scores.mean()) / scores.std()
    wanted = scores.mean() + scores.std() * Ridge(alpha=5.0).fit(matrix, z).predict(matrix)
    fresh = made()[0]
    fresh.load_state_dict(fit.state)
    np.testing.assert_allclose(predict(fresh, samples)[:, 0], wanted, atol=1e-5)
    assert fit.chosen["alpha"] == 5.0


def test_the_penalty_has_the_least_squared_error_over_inner_groups():
    tail, samples, scores = made()
    fit = fit_ridge(tail, samples, None, ridge(0.1, 10.0, 1000.0), seed=3)
    _, splits = with_grouped_inner(samples, None, 4, 3)
    assert all(not set(samples.groups[a]) & set(samples.groups[b]) for a, b in splits)
    matrix = columns_of(Tail(Pass(), ScoreHead(DIM)), samples).matrix
    z = (scores - scores.mean()) / scores.std()
    for name, error in fit.chosen["inner_squared_error"].items():
        each = [
            ((Ridge(alpha=float(name)).fit(matrix[a], z[a]).predict(matrix[b]) - z[b]) ** 2).mean() for a, b in splits
        ]
        assert error == pytest.approx(np.mean(each))
    errors = fit.chosen["inner_squared_error"]
    assert fit.chosen["alpha"] == float(min(errors, key=errors.get))


@settings(deadline=None, max_examples=8)
@given(shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_predictions_shift_and_scale_with_the_scores(shift, factor):
    plain, moved = (fitted(*made(*by)) for by in ((0.0, 1.0), (shift, factor)))
    np.testing.assert_allclose(moved, shift + factor * plain, rtol=1e-3, atol=1e-3 * factor + 1e-4)


def fitted(tail, samples, _scores):
    fit_ridge(tail, samples, None, ridge(1.0, 100.0), seed=0)
    return predict(tail, samples)[:, 0]
