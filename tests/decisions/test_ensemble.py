"""Weights, joining and honesty of an ensemble, against what they are by definition."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.decisions.ensemble import (
    Deciding,
    Member,
    cross_judge,
    fit_weights,
    join,
    member_probabilities,
    renormalise,
)
from thawline.decisions.threshold import DecisionSettings, Threshold, fit_threshold
from thawline.errors import UserError


def draw(random, *shape):
    """Random distributions over the last axis."""
    return renormalise(random.gamma(0.7, size=shape) + 1e-6)


def log_loss(labels, probabilities, weights):
    mixed = np.einsum("m,mnc->nc", weights, probabilities)
    return -np.log(mixed[np.arange(len(labels)), labels]).mean()


def member(probabilities, columns=None):
    columns = np.arange(probabilities.shape[1]) if columns is None else np.array(columns)
    return Member(probabilities.astype(np.float32), columns)


def problem(seed=0, samples=90, members=3, classes=4):
    """Labels, folds, and members of which the first is right most often."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=samples)
    folds = tuple(f"fold{i % 3 + 1}" for i in range(samples))
    said = draw(random, members, samples, classes)
    said[:, np.arange(samples), labels] += np.linspace(1.5, 0, members)[:, None]
    return labels, folds, [member(renormalise(one)) for one in said]


@given(st.integers(0, 500), st.integers(2, 5), st.integers(3, 60))
def test_no_other_weights_have_less_log_loss(seed, members, samples):
    random = np.random.default_rng(seed)
    labels, said = random.integers(3, size=samples), draw(random, members, samples, 3)
    weights = fit_weights(labels, said)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    others = np.concatenate([np.eye(members), draw(random, 20, members)])
    assert min(log_loss(labels, said, one) for one in others) >= log_loss(labels, said, weights) - 1e-3


def test_weights_are_those_that_drew_the_labels():
    random = np.random.default_rng(0)
    said = draw(random, 3, 20000, 4)
    true = np.array([0.6, 0.3, 0.1])
    mixed = np.einsum("m,mnc->nc", true, said)
    labels = (random.random(len(mixed))[:, None] > mixed.cumsum(axis=1)).sum(axis=1)
    assert fit_weights(labels, said) == pytest.approx(true, abs=0.03)


def test_a_member_that_knows_everything_gets_all_and_copies_share():
    labels = np.array([0, 1, 2, 0, 1, 2])
    certain, unsure = np.eye(3)[labels], np.full((6, 3), 1 / 3)
    assert fit_weights(labels, np.stack([unsure, certain])) == pytest.approx([0, 1], abs=1e-3)
    assert fit_weights(labels, np.stack([certain, unsure, certain])) == pytest.approx([0.5, 0, 0.5], abs=1e-3)


def test_weights_are_fitted_on_the_samples_that_all_judged():
    labels, said = np.array([0, 1, 0, 1]), np.array([[[0.9, 0.1]] * 4, [[0.2, 0.8]] * 4])
    whole = fit_weights(labels[:3], said[:, :3])
    said[0, 3] = np.nan
    assert fit_weights(labels, said) == pytest.approx(whole)
    said[1, :3] = np.nan
    with pytest.raises(UserError, match="no sample that all the runs judged"):
        fit_weights(labels, said)


def test_the_mean_is_weighted_and_renormalised_over_who_is_there():
    gone = [np.nan, np.nan]
    said = np.array([[[1, 0], gone, gone, gone], [[0.5, 0.5], [0.5, 0.5], gone, gone], [[0, 1], [0, 1], [0, 1], gone]])
    joined = join(said, np.array([0.6, 0.2, 0.2]))
    assert joined[:3] == pytest.approx(np.array([[0.7, 0.3], [0.25, 0.75], [0, 1]]))
    assert np.isnan(joined[3]).all()
    assert join(said, np.array([1.0, 0, 0]))[1] == pytest.approx([0.25, 0.75])  # those without weight count alike


@given(st.integers(0, 500), st.integers(1, 4), st.integers(2, 6))
def test_a_joined_distribution_is_one(seed, members, classes):
    random = np.random.default_rng(seed)
    said = draw(random, members, 12, classes)
    said[random.random((members, 12)) < 0.3] = np.nan
    joined = join(said, draw(random, members))
    there = np.isfinite(said).all(axis=2).any(axis=0)
    assert joined[there].sum(axis=1) == pytest.approx(1)
    assert (joined[there] >= 0).all()
    assert np.isnan(joined[~there]).all()


def test_classes_that_a_member_lacks_get_nothing_at_any_temperature():
    own = member(np.array([[0.8, 0.2], [np.nan, np.nan]]), columns=[3, 1])
    spread = member_probabilities(own, 20.0, 4)
    soft = np.array([0.8, 0.2]) ** (1 / 20)
    assert spread[0] == pytest.approx([0, soft[1] / soft.sum(), 0, soft[0] / soft.sum()])
    assert np.isnan(spread[1]).all()


def test_no_sample_helps_to_choose_what_it_is_judged_with():
    labels, folds, members = problem()
    mine = np.array(folds) == "fold2"
    plain = cross_judge(labels, folds, members)
    turned = cross_judge(np.where(mine, (labels + 1) % 4, labels), folds, members)
    assert (turned.weights_by_fold["fold2"] == plain.weights_by_fold["fold2"]).all()
    assert (turned.probabilities[mine] == plain.probabilities[mine]).all()
    assert (turned.members[:, mine] == plain.members[:, mine]).all()
    # Other folds, and what is for use, do learn from it.
    assert np.abs(turned.weights_by_fold["fold1"] - plain.weights_by_fold["fold1"]).max() > 0.05
    assert np.abs(turned.weights - plain.weights).max() > 0.05
    assert turned.temperatures[0].value > plain.temperatures[0].value


PRECISE = Deciding(DecisionSettings("precision", precision=0.95))


def test_each_fold_is_decided_by_a_threshold_of_the_others():
    labels, folds, members = problem(seed=1, classes=2)
    labels[::7] = 1 - labels[::7]  # or each threshold would lie in the same gap
    mine = np.array(folds) == "fold2"
    done = cross_judge(labels, folds, members, deciding=PRECISE)
    turned = cross_judge(np.where(mine, 1 - labels, labels), folds, members, deciding=PRECISE)
    assert turned.thresholds["fold2"] == done.thresholds["fold2"]
    assert turned.thresholds["fold1"] != done.thresholds["fold1"]
    # By hand: the rest alone, and what is best for it.
    rest = cross_judge(
        labels[~mine],
        tuple(np.array(folds)[~mine]),
        [replace(m, probabilities=m.probabilities[~mine]) for m in members],
        deciding=PRECISE,
    )
    assert done.thresholds["fold2"] == rest.thresholds[None]
    said = np.stack([member_probabilities(m, t.value, 2) for m, t in zip(members, rest.temperatures, strict=True)])
    scores = join(said[:, ~mine], rest.weights)[:, 1].astype(np.float32)
    assert done.thresholds["fold2"] == fit_threshold(scores, labels[~mine], PRECISE.how)
    above = done.probabilities[:, 1] >= [done.thresholds[fold].value for fold in folds]
    assert (done.decided(folds) == above).all()
    assert (done.decided(folds) != done.probabilities.argmax(axis=1)).any()
    plain = cross_judge(labels, folds, members)
    assert (plain.thresholds, plain.decided(folds)) == ({}, None)


def test_one_fold_is_decided_by_the_mean_of_the_members_thresholds():
    labels, _, members = problem(samples=40, members=2, classes=2)
    one = ("holdout",) * len(labels)
    own = (Threshold(0.25, "f1", 0.5), Threshold(0.75, "f1", 0.9, held=False))
    deciding = Deciding(DecisionSettings("f1"), own)
    done = cross_judge(labels, one, members, np.array([0.75, 0.25]), deciding)
    assert done.thresholds == {name: Threshold(0.375, "f1", 0.6, held=False) for name in ("holdout", None)}
    alone = cross_judge(labels, one, members, np.array([1.0, 0]), deciding)
    assert (alone.decided(one) == own[0].decide(members[0].probabilities[:, 1])).all()


def test_each_fold_is_the_mean_of_members_calibrated_and_weighted_by_the_others():
    labels, folds, members = problem(seed=3)
    done = cross_judge(labels, folds, members)
    mine = np.array(folds) == "fold1"
    rest = cross_judge(
        labels[~mine],
        tuple(np.array(folds)[~mine]),
        [replace(m, probabilities=m.probabilities[~mine]) for m in members],
    )
    assert done.weights_by_fold["fold1"] == pytest.approx(rest.weights)
    said = np.stack([member_probabilities(m, t.value, 4) for m, t in zip(members, rest.temperatures, strict=True)])
    assert done.probabilities[mine] == pytest.approx(join(said[:, mine], rest.weights))
    assert [(t.samples, t.fitted_on) for t in done.temperatures] == [(90, "out-of-fold")] * 3


def test_given_weights_need_no_second_fold_and_fitted_ones_do():
    labels, _, members = problem()
    one = ("holdout",) * len(labels)
    done = cross_judge(labels, one, members, np.array([2.0, 1, 1]))
    assert done.weights == pytest.approx([0.5, 0.25, 0.25])
    plain = np.stack([m.probabilities for m in members])
    assert done.probabilities == pytest.approx(np.einsum("m,mnc->nc", done.weights, plain), abs=1e-6)
    assert [t.value for t in done.temperatures] == [1, 1, 1]
    assert "one fold" in done.temperatures[0].why_not
    with pytest.raises(UserError, match="one fold, on which weights can't be both fitted and judged"):
        cross_judge(labels, one, members)


def test_a_member_of_another_class_or_shares_of_nothing_are_defects():
    labels, folds, members = problem()
    small = member(draw(np.random.default_rng(0), len(labels), 2), columns=[0, 1])
    with pytest.raises(ValueError, match="a class that it does not have"):
        cross_judge(labels, folds, [members[0], small])
    for wrong in ([0.0, 0.0], [1.0, -0.5]):
        with pytest.raises(ValueError, match="shares"):
            renormalise(np.array(wrong))
