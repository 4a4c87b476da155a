import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.data.score_report import score_entry
from thawline.errors import UserError
from thawline.fitting.folds import Fold, plan_folds
from thawline.tasks.scores.told import ScoredSamples


def told(scores, groups=None, folds=None):
    scores = np.array(scores, dtype=np.float64)
    return ScoredSamples.of(scores, np.arange(len(scores)) if groups is None else groups, folds, "ratings.csv")


def test_samples_are_dealt_out_by_fifths_of_their_scores_and_every_fold_has_some_of_each():
    made = told(np.random.default_rng(0).normal(size=100))
    assert np.bincount(made.strata).tolist() == [20] * 5
    assert made.names[0].startswith("-2.")
    ends = [(made.scores[made.strata == i].min(), made.scores[made.strata == i].max()) for i in range(5)]
    assert ends == sorted(ends)
    plan = plan_folds(made.strata, np.arange(100), None, cv=5, share=0.2, seed=0, classes=made.names)
    assert all(np.bincount(made.strata[fold.test]).tolist() == [4] * 5 for fold in plan)


@pytest.mark.parametrize(
    ("count", "folds", "parts"), [(24, None, 4), (12, None, 2), (9, None, 1), (100, 30, 3), (100, 60, 1)]
)
def test_the_parts_are_fewer_where_groups_are(count, folds, parts):
    assert len(told(np.arange(count), folds=folds).names) == parts


@given(st.lists(st.integers(0, 3), min_size=12, max_size=60).filter(lambda each: len(set(each)) > 1))
def test_each_part_is_on_enough_groups_and_equal_scores_are_in_one(scores):
    made = told(scores)
    if len(made.names) > 1:
        assert np.bincount(made.strata).min() >= 5
    assert all(len(set(made.strata[made.scores == level].tolist())) == 1 for level in made.levels)


def test_scores_that_are_all_the_same_are_refused():
    with pytest.raises(UserError, match=r"all 3 scores of .* are 2; there is nothing to tell apart"):
        told([2, 2, 2])


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([1, 2, 1e40], r"reach 1e\+40, and networks compute with 1e-18 to 1e\+18; divide all by the same number"),
        ([1e-30, 2e-30], r"reach 2e-30, .*; multiply all by the same number"),
        ([1e9 + 1, 1e9 + 2, 1e9 + 6], r"between 1000000001 and 1000000006, too close .*; take 1000000001 off each"),
        ([-1e9 - 1, -1e9 - 2], r"take -1000000002 off each"),
    ],
)
def test_scores_that_32_bits_do_not_hold_are_refused_with_what_mends_it(scores, said):
    with pytest.raises(UserError, match=said):
        told(scores)


def test_scores_in_seconds_since_1970_that_span_a_day_are_taken():
    assert told(1.7e9 + np.arange(0, 86400, 3600.0)).levels[0] == 1.7e9


def test_the_baseline_is_the_mean_of_what_is_trained_on_or_what_is_given():
    made, said = told([1, 2, 3, 10]), np.array([[5.0]], dtype=np.float32)
    fold = Fold("0", np.array([0, 1, 2]), None, np.array([3]))
    found = made.judged(fold, said, None)
    assert (found.true.tolist(), found.said.tolist(), found.baseline.tolist()) == ([10], [5], [2])
    assert made.judged(fold, said, 7.5).baseline.tolist() == [7.5]


def test_few_different_scores_have_a_count_each():
    entry = score_entry(np.array([1.0, 3, 3, 5]))
    assert entry["histogram"] == {"from": [1.0, 3.0, 5.0], "to": [1.0, 3.0, 5.0], "counts": [1, 2, 1]}
    many = score_entry(np.arange(100.0))["histogram"]
    assert (many["counts"], many["from"][0], many["to"][-1]) == ([10] * 10, 0.0, 99.0)
