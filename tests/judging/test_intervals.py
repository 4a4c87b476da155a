import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thawline.judging.intervals import (
    Estimate,
    Estimates,
    effective_samples,
    mean_of_ratios,
    mean_of_repeats,
    mean_share,
    positive_mean,
    proportion,
    proportions,
    student_quantile,
)

GROUPED = st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=12)


def flatten(grouped):
    groups = np.repeat(np.arange(len(grouped)), [len(group) for group in grouped])
    return np.array([right for group in grouped for right in group]), groups


@pytest.mark.parametrize(("right", "total"), [(0, 12), (1, 12), (7, 12), (12, 12), (93, 100), (599, 600)])
def test_independent_samples_get_scipys_wilson_interval(right, total):
    expected = stats.binomtest(right, total).proportion_ci(method="wilson")
    found = proportion(np.arange(total) < right, np.arange(total))
    assert found.value == right / total
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_mean_of_shares_is_a_proportion_where_they_are_0_and_1():
    right, groups = np.random.default_rng(0).random(60) < 0.7, np.repeat(np.arange(20), 3)
    assert mean_share(right, groups) == proportion(right, groups)


def test_a_mean_of_shares_between_counts_what_its_groups_are_worth():
    values, groups = np.random.default_rng(0).random((20, 1)).repeat(3, axis=1).ravel(), np.repeat(np.arange(20), 3)
    alike = mean_share(values, groups)
    assert alike.value == pytest.approx(values.mean())
    # Samples of a group that are all the same are worth one.
    once = mean_share(values[::3], np.arange(20))
    assert (alike.low, alike.high) == pytest.approx((once.low, once.high))
    expected = stats.binomtest(500, 1000).proportion_ci(method="wilson")
    halves = mean_share(np.append(np.full(999, 0.5), 0.5), np.arange(1000))
    assert (halves.low, halves.high) == pytest.approx((expected.low, expected.high))


def test_intervals_of_mean_shares_cover_the_truth():
    generator, covered = np.random.default_rng(1), 0
    for _ in range(300):
        sizes = generator.integers(1, 6, 30)
        shared = generator.beta(3, 2, 30).repeat(sizes)
        values = np.where(generator.random(len(shared)) < 0.5, shared, generator.beta(3, 2, len(shared)))
        found = mean_share(values, np.arange(30).repeat(sizes))
        covered += found.low <= 0.6 <= found.high
    assert covered / 300 >= 0.95


def test_copies_of_a_sample_add_nothing():
    right = np.arange(30) < 24
    copied, groups = np.repeat(right, 5), np.repeat(np.arange(30), 5)
    alone = proportion(right, np.arange(30))
    together = proportion(copied, groups)
    assert (together.value, together.low, together.high) == pytest.approx((alone.value, alone.low, alone.high))


def test_groups_that_differ_widen_the_interval():
    right = np.tile([True] * 8 + [False] * 2, 20)
    mixed = proportion(right, np.repeat(np.arange(20), 10))
    sorted_out = proportion(np.sort(right), np.repeat(np.arange(20), 10))
    assert mixed.high - mixed.low == pytest.approx(0.11, abs=0.005)
    assert sorted_out.high - sorted_out.low == pytest.approx(0.335, abs=0.005)


@pytest.mark.parametrize("right", [True, False])
def test_when_nothing_varies_each_group_counts_as_one_sample(right):
    expected = stats.binomtest(10 * right, 10).proportion_ci(method="wilson")
    found = proportion(np.full(40, right), np.repeat(np.arange(10), 4))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_group_is_one_sample():
    found = proportion(np.array([True, True, False]), np.zeros(3))
    assert found.value == pytest.approx(2 / 3)
    assert found.high - found.low > 0.7


def test_no_sample_is_no_estimate():
    nothing = proportions(np.zeros((3, 2)), np.array([[1.0, 0], [2, 0], [1, 0]]))
    assert nothing.at(0) == Estimate(0.0, 0.0, pytest.approx(0.5615, abs=1e-4))
    assert nothing.at(1) is None
    with pytest.raises(ValueError, match="at least one sample"):
        proportion([], [])


@settings(deadline=None)
@given(GROUPED)
def test_bounds_enclose_the_value_and_depend_on_no_order(grouped):
    right, groups = flatten(grouped)
    found = proportion(right, groups)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    order = np.random.default_rng(0).permutation(len(right))
    renamed = np.array([f"shoot {number}" for number in groups])
    again = proportion(right[order], renamed[order])
    assert (again.value, again.low, again.high) == pytest.approx((found.value, found.low, found.high), abs=1e-9)


@settings(deadline=None)
@given(GROUPED)
def test_right_and_wrong_mirror_each_other(grouped):
    right, groups = flatten(grouped)
    found, mirrored = proportion(right, groups), proportion(~right, groups)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-9)


@settings(deadline=None)
@given(GROUPED)
def test_effective_samples_lie_between_one_and_all(grouped):
    right, groups = flatten(grouped)
    sums = np.bincount(groups, weights=right)
    sizes = np.bincount(groups).astype(float)
    assert 1 <= effective_samples(sums, sums, sizes) <= len(right) + 1e-9


def simulate(groups, correlation, accuracy, datasets, seed):
    """Beta-binomial groups of 1 to 10 samples, small ones more often: successes and sizes, [G, datasets]."""
    generator = np.random.default_rng(seed)
    chances = 1 / np.arange(1, 11)
    sizes = generator.choice(np.arange(1, 11), (groups, datasets), p=chances / chances.sum())
    strength = 1 / correlation - 1
    chance = generator.beta(accuracy * strength, (1 - accuracy) * strength, sizes.shape)
    return generator.binomial(sizes, chance).astype(float), sizes.astype(float)


@pytest.mark.parametrize("groups", [30, 100])
@pytest.mark.parametrize("correlation", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_intervals_cover_the_truth_in_93_to_97_of_100_cases(groups, correlation, accuracy):
    found = proportions(*simulate(groups, correlation, accuracy, datasets=4000, seed=7))
    coverage = np.mean((found.low <= accuracy) & (accuracy <= found.high))
    assert 0.93 <= coverage <= 0.97


def test_mean_of_skewed_values_has_a_positive_interval_that_covers():
    generator = np.random.default_rng(3)
    truth = np.exp(0.5)
    covered = 0
    for _ in range(400):
        effects = np.repeat(generator.normal(0, 0.6, 60), 3)
        found = positive_mean(np.exp(effects + generator.normal(0, 0.8, 180)), np.repeat(np.arange(60), 3))
        assert 0 < found.low < found.value < found.high
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.97


def test_mean_of_values_that_are_all_the_same_is_a_point():
    assert positive_mean([0.0, 0.0], [0, 1]) == Estimate(0.0, 0.0, 0.0)
    constant = positive_mean([2.0, 2.0, 2.0], [0, 1, 1])
    assert (constant.low, constant.high) == pytest.approx((2.0, 2.0))


def test_mean_of_two_independent_ratios_adds_their_variances():
    hits = np.zeros((200, 2))
    hits[:80, 0] = 1  # 80 of 100 right in one class,
    hits[100:160, 1] = 1  # 60 of 100 in the other
    sizes = np.zeros((200, 2))
    sizes[:100, 0] = sizes[100:, 1] = 1
    found = mean_of_ratios(hits, sizes, proportions(hits, sizes))
    error = np.sqrt(0.8 * 0.2 / 99 + 0.6 * 0.4 / 99) / 2
    assert found.value == pytest.approx(0.7)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.02)


def test_mean_of_ratios_that_are_all_one_is_no_point_and_leaves_empty_classes_out():
    sizes = np.zeros((20, 3))
    sizes[:10, 0] = sizes[10:, 1] = 1
    parts = proportions(sizes, sizes)
    found = mean_of_ratios(sizes, sizes, parts)
    lowest = stats.binomtest(10, 10).proportion_ci(method="wilson").low
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - (1 - lowest) / np.sqrt(2))
    empty = np.zeros((4, 2))
    assert mean_of_ratios(empty, empty, Estimates(*np.full((3, 2), np.nan))) is None


def test_the_mean_of_repeats_has_students_interval_within_the_bounds_of_a_share():
    values = [0.7, 0.8, 0.9]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    one = mean_of_repeats(values)
    assert (one.value, one.low, one.high) == pytest.approx((0.8, low, min(1.0, high)))
    assert mean_of_repeats([0.5]) == Estimate(0.5, 0.0, 1.0)
    assert mean_of_repeats([1.0, 1.0]) == Estimate(1.0, 1.0, 1.0)


def test_points_of_students_distribution_are_those_of_scipy_to_the_bit():
    for freedom in (1, 1.5, 2, 7, 33.3, 1000, 1e6):
        assert student_quantile(freedom) == stats.t.ppf(0.975, freedom)
