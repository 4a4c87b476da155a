import numpy as np
import pytest

from thawline.fitting.settings import LogisticSettings
from thawline.tasks.preference.asking.replay import HeldFeatures, LabelledItems, answer, replay
from thawline.tasks.preference.asking.settings import STRATEGIES, Rounds

ROUNDS = Rounds(start=6, batch=5, answers=18)


@pytest.fixture(scope="module")
def method():
    return LogisticSettings(name="logistic", head="linear", c=[0.1], folds=2)


@pytest.fixture(scope="module")
def known():
    """Two clouds of 30 items, pairs of which are a group; the first third of the liked ones counts twice."""
    rng = np.random.default_rng(0)
    liked = np.repeat([0, 1], 30)
    features = (rng.normal(0, 1, (60, 4)) + 4 * liked[:, None]).astype(np.float32)
    weights = np.where((liked == 1) & (np.arange(60) < 40), 2.0, 1.0)
    return LabelledItems(HeldFeatures(features), np.arange(60) // 2, liked, weights)


@pytest.fixture(scope="module")
def held_out():
    return (np.arange(60) // 2) % 3 == 0


def test_it_is_fitted_after_the_first_answers_after_each_batch_and_in_the_end():
    assert ROUNDS.goals == [6, 11, 16, 18]
    assert Rounds(20, 20, 60).goals == [20, 40, 60]
    assert Rounds(5, 3, 5).goals == [5]


def test_each_answer_is_wrong_with_the_chance_that_is_given(known):
    right = answer(known, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(right.liked, known.liked)
    np.testing.assert_array_equal(right.weights, known.weights)
    shares = []
    for seed in range(200):
        some = answer(known, 0.3, np.random.default_rng(seed))
        mistaken = some.liked != known.liked
        shares.append(mistaken.mean())
        np.testing.assert_array_equal(some.weights[mistaken], 1.0)
        np.testing.assert_array_equal(some.weights[~mistaken], known.weights[~mistaken])
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_course_asks_once_never_about_what_is_held_out_and_learns(known, held_out, method, strategy):
    answers = answer(known, 0.0, np.random.default_rng(0))
    course = replay(known, answers, held_out, strategy, ROUNDS, method, seed=3)
    again = replay(known, answers, held_out, strategy, ROUNDS, method, seed=3)
    assert len(course.asked) == len(set(course.asked.tolist())) == 18
    assert not held_out[course.asked].any()
    np.testing.assert_array_equal(course.judged, np.flatnonzero(held_out))
    assert course.said.shape == (4, held_out.sum())
    np.testing.assert_array_equal((course.said[-1] >= 0.5).astype(int), known.liked[held_out])
    np.testing.assert_array_equal(course.said, again.said)
    first = replay(known, answers, held_out, "random", ROUNDS, method, seed=3)
    np.testing.assert_array_equal(course.asked[:6], first.asked[:6])
    np.testing.assert_array_equal(course.said[0], first.said[0])


def test_where_all_answers_are_one_that_is_said_of_all(known, held_out, method):
    only = answer(known, 0.0, np.random.default_rng(0))
    only = type(only)(np.ones_like(only.liked), only.weights)
    course = replay(known, only, held_out, "badge", ROUNDS, method, seed=0)
    np.testing.assert_array_equal(course.said, 1.0)


def test_answers_count_in_the_fit_by_their_weights(known, held_out, method):
    plain = answer(known, 0.0, np.random.default_rng(0))
    heavy = type(plain)(plain.liked, np.where(plain.liked == 1, 50.0, 1.0))
    said = [replay(known, one, held_out, "random", ROUNDS, method, seed=0).said[-1].mean() for one in (plain, heavy)]
    assert said[1] > said[0] + 0.01
