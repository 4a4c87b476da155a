import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from thawline.judging import ranking
from thawline.judging.intervals import proportion
from thawline.judging.ranking import average_precision, best_ranks, precision_above_chance, recall_at, roc_auc

NUMBERS = st.integers(0, 4)
SAMPLES = st.lists(st.tuples(st.integers(0, 1), NUMBERS, NUMBERS), min_size=2)


def arrays(samples):
    labels, scores, groups = (np.array(column) for column in zip(*samples, strict=True))
    return labels, scores / 4, groups


@given(SAMPLES)
def test_they_are_scikit_learns_and_the_interval_encloses_them(samples):
    labels, scores, groups = arrays(samples)
    for ours, theirs in ((roc_auc, roc_auc_score), (average_precision, average_precision_score)):
        found = ours(labels, scores, groups)
        if len(set(labels.tolist())) < 2:
            assert found is None
        else:
            assert found.value == pytest.approx(theirs(labels, scores), abs=1e-12)
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_order_and_names_of_groups_do_not_matter():
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(2, size=60), generator.random(60)
    groups = np.repeat(np.arange(20), 3)
    order = generator.permutation(60)
    named = np.array([f"shoot {g:02}" for g in groups])
    a = roc_auc(labels, scores, groups)
    b = roc_auc(labels[order], scores[order], named[order])
    assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))


def test_copies_of_a_sample_add_nothing_and_strangers_do():
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=50)
    scores = labels + generator.normal(size=50)
    once = roc_auc(labels, scores, np.arange(50))
    copied = roc_auc(np.repeat(labels, 4), np.repeat(scores, 4), np.repeat(np.arange(50), 4))
    apart = roc_auc(np.repeat(labels, 4), np.repeat(scores, 4), np.arange(200))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert apart.high - apart.low < 0.6 * (once.high - once.low)


def test_perfect_ranking_is_not_certainty():
    labels = np.array([0, 0, 1, 1])
    found = roc_auc(labels, np.array([0.1, 0.2, 0.8, 0.9]), np.arange(4))
    assert found.value == found.high == 1
    assert 0.3 < found.low < 0.6


def simulate(generator, groups):
    """Pairs in groups of one to six that share a part of their scores, and the area that such pairs have."""
    sizes = generator.integers(1, 7, size=groups)
    numbers = np.repeat(np.arange(groups), sizes)
    labels = generator.integers(2, size=len(numbers))
    shared = generator.normal(size=groups)[numbers]
    return labels, 1.2 * labels + shared + generator.normal(size=len(numbers)), numbers


@pytest.mark.parametrize(
    ("statistic", "plain", "blocks"), [(roc_auc, roc_auc_score, 200), (average_precision, average_precision_score, 12)]
)
def test_intervals_cover_the_truth_in_90_to_99_of_100_cases(statistic, plain, blocks, monkeypatch):
    monkeypatch.setattr(ranking, "_BLOCKS", blocks)  # 12: groups are left out two at a time
    truth = plain(*simulate(np.random.default_rng(99), 20_000)[:2])
    found = [statistic(*simulate(np.random.default_rng((1, case)), 24)) for case in range(100)]
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1), st.data())
def test_the_best_rank_is_the_place_in_a_sorted_list_with_ties_against_it(rows, data):
    similarity = np.array(rows, dtype=float)
    right = np.array([data.draw(st.lists(st.booleans(), min_size=3, max_size=3).filter(any)) for _ in rows])
    for row, hits, rank in zip(similarity, right, best_ranks(similarity, right), strict=True):
        # Sorted by falling similarity, of equal ones the wrong first.
        order = sorted(range(3), key=lambda i: (-row[i], hits[i]))
        assert rank == 1 + next(place for place, i in enumerate(order) if hits[i])


def test_recall_counts_queries_whose_answer_is_near_the_top():
    ranks, groups = np.array([1, 2, 6, 11]), np.array([0, 0, 1, 2])
    found = recall_at(ranks, groups)
    assert {depth: one.value for depth, one in found.items()} == {1: 0.25, 5: 0.5, 10: 0.75}
    assert found[5] == proportion(ranks <= 5, groups)


def test_positives_of_one_group_are_one_sample():
    labels, groups = np.repeat([1, 0], [5, 35]), np.repeat(np.arange(8), 5)
    found = average_precision(labels, labels + 0.0, groups)
    alone = proportion([True], [0])
    assert (found.value, found.low, found.high) == (1, alone.low, 1)


def test_perfect_precision_that_was_rounded_is_not_certainty():
    labels = np.repeat([1, 0], [10, 2])
    found = average_precision(labels, labels + np.arange(12) / 100, np.arange(12))
    assert found.value == pytest.approx(1)
    assert found.low == pytest.approx(proportion([True] * 12, np.arange(12)).low)


def test_the_mean_over_labels_is_that_of_the_labels_that_are_left():
    # Without the last group nobody has the second label, so the mean is then that of the first.
    generator = np.random.default_rng(0)
    truth = np.column_stack([generator.random(20) < 0.5, np.arange(20) == 19])
    scores = generator.random((20, 2))
    found = ranking.mean_average_precision(truth, scores, np.arange(20))
    each = [average_precision_score(truth[:, i], scores[:, i]) for i in (0, 1)]
    assert found.value == pytest.approx(np.mean(each))
    assert found.low < found.value < found.high


def test_an_order_by_chance_is_told_from_no_other_in_90_to_99_of_100_cases():
    generator = np.random.default_rng(0)
    told, gains = [], []
    for _ in range(200):
        truth = generator.random((60, 4)) < (0.1, 0.2, 0.4, 0.6)
        truth[:2] = [[True] * 4, [False] * 4]  # each label varies
        gain, p_value = precision_above_chance(truth, generator.random((60, 4)), np.repeat(np.arange(30), 2))
        assert (p_value < 0.05) == (not gain.low <= 0 <= gain.high)
        told.append(p_value < 0.05)
        gains.append(gain.value)
    assert 0.01 <= np.mean(told) <= 0.1
    assert abs(np.mean(gains)) < 2 * np.std(gains) / np.sqrt(200)


def test_scores_that_know_something_are_above_chance():
    generator = np.random.default_rng(0)
    truth = generator.random((80, 3)) < 0.3
    gain, p_value = precision_above_chance(truth, truth + generator.random((80, 3)), np.arange(80))
    assert gain.low > 0.4
    assert p_value < 1e-6
    assert precision_above_chance(truth[:, :0], np.zeros((80, 0)), np.arange(80)) is None
    assert precision_above_chance(truth, truth * 1.0, np.zeros(80)) is None  # one group says nothing of another
