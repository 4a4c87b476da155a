import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from thawline.judging import scores
from thawline.judging.paired import compare_errors
from thawline.screen import format_number


def made(seed, samples=120, noise=0.5, per_group=2):
    random = np.random.default_rng(seed)
    true = np.round(random.normal(size=samples), 1)  # some are equal
    return true, np.round(true + noise * random.normal(size=samples), 1), np.arange(samples) // per_group


@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_the_figures_are_scikit_learns_and_scipys(noise):
    true, said, groups = made(0, noise=noise)
    wanted = {
        scores.mean_absolute_error: mean_absolute_error(true, said),
        scores.root_mean_squared_error: root_mean_squared_error(true, said),
        scores.r2: r2_score(true, said),
        scores.spearman: spearmanr(true, said).statistic,
    }
    for figure, value in wanted.items():
        found = figure(true, said, groups)
        assert found.value == pytest.approx(value, abs=1e-12)
        assert found.low < found.value < found.high


def test_an_order_is_undefined_where_nothing_varies_and_certain_of_nothing_in_one_group():
    true, said, groups = made(1)
    assert scores.spearman(true, np.ones_like(said), groups) is None
    assert scores.r2(np.ones_like(true), said, groups) is None
    one = scores.spearman(true, said, np.zeros(len(true)))
    assert (one.low, one.high) == (-1.0, 1.0)
    perfect = scores.spearman(true, true, groups)
    assert perfect.value == pytest.approx(1)


@settings(deadline=None, max_examples=10)
@given(shift=st.floats(-1e3, 1e3), factor=st.floats(1e-3, 1e3), seed=st.integers(0, 50))
def test_figures_scale_with_the_unit_and_the_order_does_not(shift, factor, seed):
    true, said, groups = made(seed, samples=30)
    moved = (shift + factor * true, shift + factor * said, groups)
    for figure, unit in (
        (scores.mean_absolute_error, factor),
        (scores.root_mean_squared_error, factor),
        (scores.r2, 1.0),
        (scores.spearman, 1.0),
    ):
        before, after = figure(true, said, groups), figure(*moved)
        for end in ("value", "low", "high"):
            assert getattr(after, end) == pytest.approx(unit * getattr(before, end), rel=1e-5, abs=1e-6 * unit)


def test_intervals_cover_the_truth_as_often_as_they_say():
    sure = {"mae": 0, "r2": 0, "spearman": 0}
    random, rounds = np.random.default_rng(3), 120
    correlation = 0.8
    truth = {
        "mae": math.sqrt(2 / math.pi) * math.sqrt(1 - correlation**2),
        "r2": correlation**2,
        "spearman": 6 / math.pi * math.asin(correlation / 2),
    }
    for _ in range(rounds):
        # Both samples of a group are one: with an interval over samples this would cover far less.
        said = np.repeat(correlation * random.normal(size=60), 2)
        true = said + np.repeat(math.sqrt(1 - correlation**2) * random.normal(size=60), 2)
        groups = np.arange(120) // 2
        found = {
            "mae": scores.mean_absolute_error(true, said, groups),
            "r2": scores.r2(true, said, groups),
            "spearman": scores.spearman(true, said, groups),
        }
        for name, one in found.items():
            sure[name] += one.low <= truth[name] <= one.high
    assert all(0.9 * rounds <= count <= 0.99 * rounds for count in sure.values()), sure


def test_the_paired_test_of_errors_flips_each_groups_signs():
    gain = np.array([3.0, 1.0, -2.0, 4.0, 4.0, 2.0])
    groups = np.array([0, 0, 1, 2, 3, 4])
    sums = np.bincount(groups, weights=gain)
    flipped = [abs(sum(s * g for s, g in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=5)]
    test = compare_errors(np.zeros(6), gain, groups, name_a="a", name_b="b")
    assert test.p_value == pytest.approx(np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-9))
    assert test.difference.value == pytest.approx(gain.mean())
    assert (test.of, test.only_a_right, test.only_b_right) == ("mae", 5, 1)
    assert test.difference.low < 0 < test.difference.high  # as the exact test says
    other = compare_errors(gain, np.zeros(6), groups)
    assert (other.p_value, other.difference.value) == (test.p_value, pytest.approx(-gain.mean()))


@settings(deadline=None, max_examples=30)
@given(factor=st.floats(1e-3, 1e6), seed=st.integers(0, 20))
def test_the_unit_of_errors_changes_no_p_value(factor, seed):
    random = np.random.default_rng(seed)
    a, b, groups = random.exponential(size=40), random.exponential(size=40), np.arange(40) // 2
    before, after = compare_errors(a, b, groups), compare_errors(factor * a, factor * b, groups)
    assert after.p_value == before.p_value
    assert after.difference.low == pytest.approx(factor * before.difference.low, rel=1e-6)


def test_the_sentence_of_a_test_of_errors_has_the_scores_unit():
    a, b = np.full(20, 1.0), np.full(20, 3.0) + np.arange(20) / 100
    said = compare_errors(a, b, np.arange(20), name_a="ridge", name_b="training mean").summary()
    assert said.startswith("ridge is better than training mean by 2.09 of mean absolute error [2.07, 2.12], p < 0.0001")
    same = compare_errors(a, a, np.arange(20)).summary()
    assert "cannot be told apart" in same


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.41267, "0.413"), (12.345, "12.3"), (24180.4, "24180"), (0, "0"), (-3.14159, "-3.14"), (0.00012345, "0.000123")],
)
def test_numbers_are_said_in_three_digits(value, said):
    assert format_number(value) == said
