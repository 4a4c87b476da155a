import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score

from thawline.decisions.threshold import DecisionSettings, Threshold, fit_threshold
from thawline.errors import UserError

# Few different scores, so that many are equal.
SAMPLES = st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 9).astype(np.float32).tolist()), st.integers(0, 1)))
FIGURE = {
    "accuracy": accuracy_score,
    "f1": lambda labels, said: f1_score(labels, said, zero_division=0),
    "precision": lambda labels, said: precision_score(labels, said, zero_division=0),
}


def arrays(samples):
    return np.array([s for s, _ in samples], dtype=np.float32), np.array([y for _, y in samples], dtype=np.int64)


def every_answer(scores):
    """What each threshold that parts no equal scores would say."""
    return [scores >= edge for edge in [*np.unique(scores), 2]]


@given(SAMPLES.filter(len), st.sampled_from(["accuracy", "f1"]))
def test_no_other_threshold_is_better(samples, balance):
    scores, labels = arrays(samples)
    found = fit_threshold(scores, labels, DecisionSettings(balance))
    best = max(FIGURE[balance](labels, said) for said in every_answer(scores))
    assert found.attained == pytest.approx(best)
    assert FIGURE[balance](labels, found.decide(scores)) == pytest.approx(best)
    assert found.held


@given(SAMPLES.filter(len), st.sampled_from([0.3, 0.5, 0.75, 1.0]))
def test_precision_is_held_by_the_lowest_threshold_that_does_or_said_not_to_be(samples, wanted):
    scores, labels = arrays(samples)
    found = fit_threshold(scores, labels, DecisionSettings("precision", wanted))
    said = found.decide(scores)
    assert found.attained == pytest.approx(FIGURE["precision"](labels, said))
    answers = [other for other in every_answer(scores) if other.any()]
    enough = [other for other in answers if FIGURE["precision"](labels, other) >= wanted]
    assert found.held == bool(enough)
    if enough:
        assert said.sum() == max(other.sum() for other in enough)
    else:
        assert found.attained == pytest.approx(max(FIGURE["precision"](labels, other) for other in answers))


@given(SAMPLES.filter(len), st.sampled_from(["accuracy", "f1", "precision"]))
def test_equal_scores_get_one_answer_and_none_lies_on_the_edge(samples, balance):
    scores, labels = arrays(samples)
    found = fit_threshold(scores, labels, DecisionSettings(balance))
    said = found.decide(scores)
    assert all(len(set(said[scores == score])) == 1 for score in scores)
    assert not (scores[scores > 0].astype(np.float64) == found.value).any()


def test_half_way_between_neighbours():
    scores, labels = np.array([0.9, 0.8, 0.3, 0.2], dtype=np.float32), np.array([1, 1, 0, 0])
    found = fit_threshold(scores, labels, DecisionSettings())
    assert found.value == pytest.approx(0.55)
    assert found.to_json() == {"value": found.value, "balance": "f1", "attained": 1.0, "held": True}
    assert Threshold(**json.loads(json.dumps(found.to_json()))) == found


def test_neighbouring_numbers_of_single_precision_are_told_apart():
    low = np.float32(0.7)
    scores = np.array([np.nextafter(low, np.float32(1)), low], dtype=np.float32)
    found = fit_threshold(scores, np.array([1, 0]), DecisionSettings("accuracy"))
    assert found.decide(scores).tolist() == [True, False]


@pytest.mark.parametrize("balance", ["accuracy", "f1", "precision"])
def test_all_positive(balance):
    found = fit_threshold(np.array([0.4, 0.0, 0.6], dtype=np.float32), np.ones(3, dtype=int), DecisionSettings(balance))
    assert found.decide(np.array([0.4, 0.0, 0.6], dtype=np.float32)).all()
    assert (found.attained, found.held) == (1.0, True)


def test_where_none_is_positive_or_nothing_tells_them_apart_the_most_accurate_answer_is_none():
    for scores in (np.array([0.2, 0.9, 0.4]), np.array([1.0, 1.0, 1.0])):
        found = fit_threshold(scores.astype(np.float32), np.array([0, 0, 0]), DecisionSettings("accuracy"))
        assert not found.decide(scores).any()
        assert found.attained == 1.0
    same = np.full(4, 0.5, dtype=np.float32)
    found = fit_threshold(same, np.array([0, 0, 0, 1]), DecisionSettings("accuracy"))
    assert (found.decide(same).any(), found.attained) == (False, 0.75)
    assert fit_threshold(same, np.array([0, 0, 0, 1]), DecisionSettings("f1")).decide(same).all()
    never = fit_threshold(same, np.zeros(4, dtype=int), DecisionSettings("precision"))
    assert (never.attained, never.held) == (0.0, False)


def test_cosines_have_another_lowest_score():
    cosines = np.array([-0.2, -0.6], dtype=np.float32)
    found = fit_threshold(cosines, np.array([1, 1]), DecisionSettings(), lowest=-1.0)
    assert found.value == pytest.approx(-0.8)


def test_settings_out_of_range():
    with pytest.raises(UserError, match=r"decision.balance=best is not known; use one of accuracy, f1, precision"):
        DecisionSettings("best")
    for precision in (0.0, 1.1):
        with pytest.raises(UserError, match=f"decision.precision={precision} must be above 0 and at most 1"):
            DecisionSettings("precision", precision)
