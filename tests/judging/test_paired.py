import itertools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thawline.judging.intervals import Estimate
from thawline.judging.paired import _coin_tosses, compare, compare_scores, sign_flip
from thawline.judging.wording import format_p, format_points, percent

NETS = st.lists(st.integers(-5, 5), min_size=1, max_size=10)


def enumerate_signs(net):
    """The p-value by trying every combination of signs."""
    sums = [np.dot(signs, net) for signs in itertools.product((-1, 1), repeat=len(net))]
    return np.mean(np.abs(sums) >= abs(sum(net)))


@settings(max_examples=60, deadline=None)
@given(NETS)
def test_sign_flip_is_the_enumeration_of_all_signs(net):
    assert sign_flip(np.array(net)) == pytest.approx(enumerate_signs(net), abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_single_samples_give_mcnemars_exact_test(wins, losses):
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    net = np.array([1] * wins + [-1] * losses + [0] * 7)
    assert sign_flip(net) == pytest.approx(expected, rel=1e-9)


def test_sign_flip_agrees_with_scipys_permutation_test():
    net = np.array([3, -1, 2, 2, 4, 1, 1, -2, 5, 1, 2, -1, 3, 1, 0, 2, -3, 1, 2, 1])
    drawn = stats.permutation_test(
        (net,), np.sum, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)
    )
    assert sign_flip(net) == pytest.approx(drawn.pvalue, abs=0.003)


def test_sign_flip_is_exact_for_thousands_of_groups_and_never_zero():
    net = np.random.default_rng(0).integers(-4, 5, 10_000)
    error = np.sqrt((net**2).sum())
    normal = 2 * stats.norm.sf((abs(net.sum()) - 0.5) / error)
    assert sign_flip(net) == pytest.approx(normal, rel=0.01)
    assert 0 < sign_flip(np.ones(5000, dtype=np.int64)) < 1e-300


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 60))
def test_the_test_is_symmetric(seed, samples, groups):
    generator = np.random.default_rng(seed)
    labels, a, b = generator.integers(0, 3, (3, samples))
    owners = generator.integers(0, groups, samples)
    forth, back = compare(labels, a, b, owners), compare(labels, b, a, owners)
    assert 0 < forth.p_value <= 1
    assert forth.p_value == back.p_value
    assert forth.n_discordant == back.n_discordant
    assert forth.difference.value == pytest.approx((a == labels).mean() - (b == labels).mean())
    assert forth.difference.value == -back.difference.value
    assert forth.difference.low == pytest.approx(-back.difference.high)
    assert -1 <= forth.difference.low <= forth.difference.value <= forth.difference.high <= 1


def test_the_same_predictions_cannot_be_told_apart():
    found = compare([0, 1, 1, 0] * 25, [0, 1, 0, 0] * 25, [0, 1, 0, 0] * 25, range(100), name_a="head", name_b="mlp")
    assert found.p_value == 1
    assert found.difference.value == 0
    assert found.difference.low == pytest.approx(-0.0272, abs=1e-4)
    assert found.summary() == (
        "head and mlp cannot be told apart: the difference is +0.0 points [-2.7, +2.7], "
        "p = 1.000, McNemar's exact test over 100 samples"
    )


def test_bonett_and_prices_interval_by_hand():
    # 12 of 50 for a alone, 3 of 50 for b alone.
    labels = np.zeros(50, dtype=int)
    a, b = np.zeros(50, dtype=int), np.zeros(50, dtype=int)
    b[:12] = 1
    a[12:15] = 1
    found = compare(labels, a, b, range(50))
    wins, losses = 13 / 52, 4 / 52
    half = 1.959964 * np.sqrt((wins + losses - (wins - losses) ** 2) / 52)
    assert (found.only_a_right, found.only_b_right) == (12, 3)
    assert found.difference.value == pytest.approx(9 / 50)
    assert (found.difference.low, found.difference.high) == pytest.approx((9 / 52 - half, 9 / 52 + half))
    assert found.p_value == pytest.approx(stats.binomtest(12, 15).pvalue)


def test_groups_count_once():
    labels = np.zeros(40, dtype=int)
    b = np.zeros(40, dtype=int)
    b[:20] = 1  # a alone is right on 20 samples, which are of two shoots
    alone = compare(labels, labels, b, range(40))
    grouped = compare(labels, labels, b, np.repeat(np.arange(4), 10))
    assert alone.p_value == pytest.approx(2**-19)
    assert grouped.p_value == 0.5
    assert grouped.difference.low < 0 < alone.difference.low
    assert grouped.method == "exact sign-flip test"
    assert grouped.groups == 4


def test_summary_names_the_better_one_first():
    labels = np.zeros(300, dtype=int)
    weak = np.zeros(300, dtype=int)
    weak[:60] = 1
    groups = np.repeat(np.arange(150), 2)
    worse = compare(labels, weak, labels, groups, name_a="zero-shot", name_b="head")
    assert worse.difference.value == -0.2
    assert worse.summary() == (
        "head is better than zero-shot by 20.0 points [13.2, 26.3], p < 0.0001, exact sign-flip test over 150 groups"
    )
    better = compare(labels, labels, weak, groups, name_a="head", name_b="zero-shot")
    assert better.summary() == worse.summary()
    assert json.loads(json.dumps(better.to_json()))["summary"] == better.summary()


def test_false_alarms_are_at_most_one_in_twenty():
    generator = np.random.default_rng(5)
    alarms = 0
    for _ in range(600):
        groups = np.repeat(np.arange(60), generator.integers(1, 8, 60))
        gain = generator.choice([-1, 0, 1], 60, p=[0.2, 0.6, 0.2])[groups]  # a group errs as one
        found = compare(np.ones(len(gain)), np.where(gain >= 0, 1, 0), np.where(gain <= 0, 1, 0), groups)
        alarms += found.differs
    assert alarms / 600 <= 0.065


def agrees(test):
    """The interval, the p-value, the verdict and the sentence, as printed, say the same."""
    low, value, high = test.difference.low, test.difference.value, test.difference.high
    assert low <= value <= high
    told = low > 0 or high < 0
    assert told == (test.p_value < 0.05) == test.differs
    said = test.summary()
    printed = [float(x) for x in re.search(r"\[(.*), (.*)\]", said).groups()]
    assert (printed[0] > 0 or printed[1] < 0) == told
    if told:
        better, worse = (test.name_a, test.name_b) if value > 0 else (test.name_b, test.name_a)
        assert said.startswith(f"{better} is better than {worse} by ")
    else:
        assert said.startswith(f"{test.name_a} and {test.name_b} cannot be told apart: ")
    assert "p = 0.050" not in said or not told
    return told


# Wins, losses and the rest in each group: small data, where an approximate interval and an exact test part.
GROUPS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40)
LOPSIDED = st.lists(st.tuples(st.integers(0, 3), st.just(0), st.integers(0, 6)), min_size=4, max_size=16)


def gains(groups):
    """Gains of 1, -1 and 0, and the group of each."""
    gain = np.concatenate([np.repeat([1, -1, 0], counts) for counts in groups])
    return gain, np.repeat(np.arange(len(groups)), [sum(counts) for counts in groups])


@settings(max_examples=250, deadline=None, derandomize=True)
@given(GROUPS | LOPSIDED, st.booleans())
def test_an_interval_holds_0_where_and_only_where_the_exact_test_tells_no_difference(groups, alone):
    gain, owners = gains(groups)
    if len(gain):
        owners = np.arange(len(gain)) if alone else owners
        agrees(compare(np.ones(len(gain)), gain >= 0, gain <= 0, owners))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=60),
    st.sampled_from([1.0, 0.01, 1e-4]),
)
def test_so_it_is_for_scores_however_small_their_differences(rows, scale):
    a, b, groups = np.array(rows).T
    agrees(compare_scores(scale * a / 12, scale * b / 12, groups))


def answers(groups):
    gain, owners = gains(groups)
    return np.ones(len(gain)), gain >= 0, gain <= 0, owners


def test_where_the_exact_test_tells_a_difference_the_interval_leaves_0_out():
    # Six groups for a, none against: over the effective samples alone the interval was -4.1 to 30.7 points.
    wins = [0, 0, 1, 2, 0, 2, 0, 2, 0, 1, 0, 3, 0]
    same = [7, 3, 4, 1, 8, 1, 10, 5, 3, 3, 11, 1, 8]
    found = compare(*answers([(win, 0, rest) for win, rest in zip(wins, same, strict=True)]))
    assert found.p_value == pytest.approx(2 / 64)
    assert agrees(found)
    assert found.difference.high == pytest.approx(0.3068, abs=1e-4)
    assert found.difference.low == pytest.approx(11 / 76 * (1 - 1.959964 / stats.norm.isf(1 / 64)))
    assert found.summary() == (
        "a is better than b by 14.5 points [1.3, 30.7], p = 0.031, exact sign-flip test over 13 groups"
    )


def test_where_it_tells_none_the_interval_reaches_to_0():
    # Over the samples alone it was 0.3 to 15.4 points.
    groups = [(1, 0, 0)] * 11 + [(0, 1, 0)] * 3 + [(0, 0, 1)] * 86
    found = compare(*answers(groups))
    assert found.p_value == pytest.approx(stats.binomtest(11, 14).pvalue)
    assert not agrees(found)
    assert found.difference.low == pytest.approx(0.08 * (1 - 1.959964 / stats.norm.isf(found.p_value / 2)))
    # The other way round it is the same.
    back = compare(*answers([(losses, wins, rest) for wins, losses, rest in groups]))
    assert (back.difference.low, back.difference.high) == (-found.difference.high, -found.difference.low)


@pytest.mark.parametrize(
    ("groups", "correlation", "wins", "losses"),
    [(10, 0.5, 0.3, 0.1), (20, 0.0, 0.1, 0.05), (40, 0.5, 0.1, 0.1), (40, 0.9, 0.3, 0.1), (100, 0.0, 0.08, 0.02)],
)
def test_intervals_cover_the_truth_in_93_to_100_of_100_cases(groups, correlation, wins, losses):
    generator = np.random.default_rng(3)
    cases, covered, alarms = 200, 0, 0
    for _ in range(cases):
        owners = np.repeat(np.arange(groups), generator.integers(1, 6, groups))
        chances = [losses, 1 - losses - wins, wins]
        shared = generator.choice([-1, 0, 1], groups, p=chances)[owners]
        own = generator.choice([-1, 0, 1], len(owners), p=chances)
        gain = np.where(generator.random(len(owners)) < correlation, shared, own)
        found = compare(np.ones(len(gain)), gain >= 0, gain <= 0, owners)
        covered += found.difference.low <= wins - losses <= found.difference.high
        alarms += found.differs
    assert covered / cases >= 0.93
    if wins == losses:
        assert alarms / cases <= 0.065


def test_small_differences_of_scores_are_not_rounded_away():
    found = compare_scores(np.full(30, 0.501), np.full(30, 0.5), range(30))
    assert found.p_value == pytest.approx(2**-29)
    assert agrees(found)


def test_rounding_never_tells_the_contrary_of_the_mean():
    # In steps of 1/200 the many small gains vanish, and six losses of 1 would be left.
    gain = np.append(np.full(2600, 0.0024), np.full(6, -1.0))
    found = compare_scores(np.maximum(gain, 0), np.maximum(-gain, 0), range(len(gain)))
    assert found.difference.value > 0
    assert found.p_value == 1
    assert not agrees(found)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.037, "3.7"), (0.0005, "0.1"), (0.0004, "0.04"), (-0.00001, "-0.001"), (0.0, "0.0"), (-1.0, "-100.0")],
)
def test_differences_as_printed(share, text):
    assert format_points(share) == text
    assert percent(Estimate(share, share, share), sign="+").endswith(f"[{text}, {text}]")


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (0.0499, "p < 0.050"),
        (0.0494, "p = 0.049"),
        (0.0501, "p = 0.050"),
        (1.0, "p = 1.000"),
        (0.0312, "p = 0.031"),
        (0.00021, "p = 0.0002"),
        (9e-5, "p < 0.0001"),
    ],
)
def test_p_values_as_printed(p_value, text):
    assert format_p(p_value) == text


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 labels, 1 and 2 predictions, 2 groups"):
        compare([0, 1], [0], [0, 1], [0, 1])
    with pytest.raises(ValueError, match="0 labels"):
        compare([], [], [], [])


def test_scores_of_right_and_wrong_are_the_test_of_answers():
    generator = np.random.default_rng(0)
    labels, a, b = generator.integers(2, size=(3, 40))
    groups = np.repeat(np.arange(20), 2)
    answers = compare(labels, a, b, groups)
    scores = compare_scores(labels == a, labels == b, groups)
    assert scores == answers


def test_scores_between_are_flipped_by_group():
    # Of the eight ways to flip gains of 0.5, 0.25 and 0.25 two are as far out as their sum.
    found = compare_scores([0.5, 0.75, 1.0], [0.0, 0.5, 0.75], [0, 1, 2])
    assert found.p_value == 0.25
    assert found.difference.value == pytest.approx(1 / 3)
    assert -1 < found.difference.low < 1 / 3 < found.difference.high < 1
    assert (found.only_a_right, found.only_b_right) == (3, 0)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 61, 500, 3001, 50_000])
def test_the_chances_of_coin_tosses_are_those_of_scipy(count):
    expected = stats.binom.pmf(np.arange(count + 1), count, 0.5)
    np.testing.assert_allclose(_coin_tosses(count), expected, rtol=1e-12, atol=1e-60)
    assert math.fsum(_coin_tosses(count)) == pytest.approx(1, abs=1e-13)
