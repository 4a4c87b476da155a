"""The temperature, against what it is by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thawline.decisions.temperature import calibrated, fit_temperature


def sample(count, temperature, seed=0):
    """Labels drawn from known probabilities, and a model whose logits are `temperature` times the true ones."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, 4)) * 2
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(4, p=row) for row in true])
    sure = np.exp(temperature * logits)
    return labels, (sure / sure.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_it_finds_by_how_much_a_model_is_too_sure(temperature):
    found = fit_temperature(*sample(4000, temperature), "inner")
    assert found.value == pytest.approx(temperature, rel=0.06)
    before, after = found.log_loss
    assert (found.fitted_on, found.samples, found.why_not) == ("inner", 4000, None)
    assert after <= before


def test_a_few_right_answers_do_not_make_it_sure_without_end():
    probabilities = np.full((5, 3), 0.1, dtype=np.float32)
    probabilities[:, 0] = 0.8
    found = fit_temperature(np.zeros(5, dtype=np.int64), probabilities, "inner")
    assert 0.4 < found.value < 1


@given(st.integers(1, 40), st.integers(0, 1000), st.floats(0.2, 5))
def test_it_never_raises_the_log_loss_it_was_fitted_on(count, seed, temperature):
    before, after = fit_temperature(*sample(count, temperature, seed), "inner").log_loss
    assert after <= before + 1e-4


@given(arrays.arrays(np.float32, (6, 3), elements=st.floats(0, 1, width=32)), st.floats(0.05, 20))
def test_calibrated_probabilities_keep_their_order_and_their_sum(raw, temperature):
    probabilities = (raw + np.float32(1e-6)) / (raw + np.float32(1e-6)).sum(axis=1, keepdims=True)
    soft = calibrated(probabilities, temperature)
    assert np.abs(soft.sum(axis=1) - 1).max() < 1e-5
    best = probabilities.argmax(axis=1)
    assert (soft[np.arange(6), best] >= soft.max(axis=1) - 1e-6).all()


def test_temperature_one_changes_nothing():
    _, probabilities = sample(20, 1.0)
    assert np.abs(calibrated(probabilities, 1.0) - probabilities).max() < 1e-6
