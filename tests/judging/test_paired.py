import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from thawline.judging.paired import compare, compare_scores, format_p, sign_flip

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


@pytest.mark.parametrize(
    ("p_value", "text"), [(1.0, "p = 1.000"), (0.0312, "p = 0.031"), (0.00021, "p = 0.0002"), (9e-5, "p < 0.0001")]
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
