import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.match.conftest import DIM, make_pairs, make_tail

from thawline.decisions.threshold import DecisionSettings, fit_threshold
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import predict
from thawline.tasks.match.fitted import ZERO_SHOT_THRESHOLD, cosines, embed, fit_platt, measure, settle_pairs
from thawline.tasks.match.tail import PairHead, PairTail, Towers

HOW = DecisionSettings()


def log_loss(cosine, labels, scale, bias):
    z = torch.from_numpy((scale * cosine + bias).astype(np.float64))
    return F.binary_cross_entropy_with_logits(z, torch.from_numpy(labels).double()).item()


def drawn(n, seed=0, gap=0.2):
    generator = np.random.default_rng(seed)
    labels = generator.integers(2, size=n)
    return (gap * labels + 0.3 + 0.15 * generator.normal(size=n)).astype(np.float32), labels


@given(st.integers(0, 100), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_no_scale_and_bias_nearby_fit_better(seed, a, b):
    cosine, labels = drawn(60, seed)
    scale, bias = fit_platt(cosine, labels)
    best = log_loss(cosine, labels, scale, bias)
    assert best <= log_loss(cosine, labels, scale * (1 + a), bias * (1 + b)) + 1e-4


def test_cosines_that_rank_backwards_keep_their_order():
    cosine, labels = drawn(60, gap=-0.5)
    scale, bias = fit_platt(cosine, labels)
    assert 0 < scale * cosine.std() <= 0.0101
    # It says of every pair how frequent matches are.
    p = 1 / (1 + np.exp(-(scale * cosine + bias)))
    assert p == pytest.approx(labels.mean(), abs=0.02)


@pytest.mark.parametrize(("cosine", "labels"), [(np.full(8, 0.5), [0, 1] * 4), (np.linspace(0, 1, 8), [1] * 8)])
def test_nothing_to_fit_on_is_no_error(cosine, labels):
    scale, bias = fit_platt(cosine.astype(np.float32), np.array(labels))
    p = 1 / (1 + np.exp(-(scale * cosine + bias)))
    assert p == pytest.approx(np.mean(labels) * 0.8 + 0.1, abs=0.03)


def test_where_a_pretrained_cosine_starts(pairs):
    tail = make_tail()
    expected = fit_platt(cosines(tail, pairs), pairs.targets, least=1.0)
    measure(tail, pairs, new_space=False)
    assert (tail.head.log_scale.exp().item(), tail.head.bias.item()) == pytest.approx(expected, rel=1e-5)
    measure(tail, pairs, new_space=False, strangers=15)
    assert tail.head.bias.item() == pytest.approx(expected[1] - math.log(15), rel=1e-5)
    # Even where it tells nothing apart, the logits differ enough to train by.
    backwards = make_pairs(*(np.eye(DIM, dtype=np.float32),) * 2, [0, 1, 2, 3], [0, 1, 3, 2], [0, 0, 1, 1])
    measure(tail, backwards, new_space=False)
    assert (tail.head.log_scale.exp().item() * cosines(tail, backwards)).std() == pytest.approx(1, rel=1e-4)


def test_new_projections_start_on_standardised_features(pairs):
    head = PairHead((DIM, DIM), 3, 10.0)
    tail = PairTail(Towers(make_tail().stages.image, make_tail().stages.text), head)
    measure(tail, pairs, new_space=True, strangers=7)
    features, _ = pairs[np.arange(len(pairs))]
    for tower, projection in (("image", head.image), ("text", head.text)):
        own = getattr(tail.stages, tower)({"features": features[f"{tower}.features"]})["features"]
        torch.testing.assert_close(projection.standardise.mean, own.mean(dim=0))
        assert projection.standardise(own).square().mean().item() == pytest.approx(1, rel=1e-4)
    assert (head.log_scale.exp().item(), head.bias.item()) == pytest.approx((10.0, -math.log(7)))


def test_embeddings_are_unit_vectors_of_both_towers(pairs):
    images, texts = embed(make_tail(), pairs)
    assert images.norm(dim=1) == pytest.approx(1)
    assert texts.norm(dim=1) == pytest.approx(1)
    assert cosines(make_tail(), pairs) == pytest.approx((images * texts).sum(dim=1).numpy())


def zero_shot():
    return make_tail(20.0, 0.0, seed=5)


def test_after_the_training_scale_bias_and_thresholds_are_those_of_the_inner_pairs(pairs):
    tail = make_tail(500.0, 40.0)
    given = FittedTail({name: tensor.clone() for name, tensor in tail.state_dict().items()}, {"epochs": 3})
    found = settle_pairs(given, tail, zero_shot(), pairs, (), HOW)
    scale, bias = fit_platt(cosines(make_tail(), pairs), pairs.targets)
    assert found.state["head.log_scale"].exp().item() == pytest.approx(scale, rel=1e-5)
    assert found.state["head.bias"].item() == pytest.approx(bias, rel=1e-4)
    changed = {name for name in given.state if not torch.equal(given.state[name], found.state[name])}
    assert changed == {"head.log_scale", "head.bias"}
    settled = make_tail()
    settled.load_state_dict(found.state)
    assert found.chosen["threshold"] == fit_threshold(predict(settled, pairs)[:, 1], pairs.targets, HOW).to_json()
    own = fit_threshold(cosines(zero_shot(), pairs), pairs.targets, HOW, lowest=-1.0).value
    assert found.chosen == {"epochs": 3, "threshold": found.chosen["threshold"], ZERO_SHOT_THRESHOLD: own}
    assert ZERO_SHOT_THRESHOLD not in settle_pairs(given, make_tail(), None, pairs, (), HOW).chosen


def folds_fit(scale, bias, value, held):
    threshold = {"value": value, "balance": "precision", "attained": value + 0.1, "held": held}
    state = {"head.log_scale": torch.tensor(scale), "head.bias": torch.tensor(bias)}
    return FittedTail(state, {"threshold": threshold, ZERO_SHOT_THRESHOLD: value - 0.2, "epochs": 9})


def test_a_refit_takes_the_medians_of_the_folds(pairs):
    folds = [folds_fit(1.0, -3.0, 0.5, True), folds_fit(2.0, -1.0, 0.7, False)]
    tail = make_tail()
    found = settle_pairs(FittedTail(tail.state_dict(), {"epochs": 4}), tail, None, None, folds, HOW)
    assert (found.state["head.log_scale"].item(), found.state["head.bias"].item()) == (1.5, -2.0)
    assert found.chosen["epochs"] == 4
    assert found.chosen["threshold"] == pytest.approx(
        {"value": 0.6, "balance": "precision", "attained": 0.7, "held": False}
    )
    assert found.chosen[ZERO_SHOT_THRESHOLD] == pytest.approx(0.4)
