import numpy as np
import pytest

from thawline.tasks.preference.asking.judged import holm, judge_courses, saved, verdict
from thawline.tasks.preference.asking.replay import Course

ITEMS = 40
LIKED = np.arange(ITEMS) % 2
GOALS = [10, 20, 30]


def course(strategy, seed, rights):
    """A course in which so many of the items are judged right after each round, the last ones wrong."""
    said = np.stack([np.where(np.arange(ITEMS) < right, LIKED, 1 - LIKED) * 0.8 + 0.1 for right in rights])
    return Course(strategy, seed, np.arange(GOALS[-1]), np.arange(ITEMS), said)


def courses(seeds=10, **rights):
    return {name: [course(name, seed, some) for seed in range(seeds)] for name, some in rights.items()}


def test_a_curve_has_the_share_of_right_answers_and_the_mean_area():
    (curve,) = judge_courses(courses(random=(20, 30, 40)), LIKED)
    assert [one.value for one in curve.accuracy] == [0.5, 0.75, 1.0]
    assert [one.value for one in curve.auc] == pytest.approx([0.5, 0.75, 1.0])
    assert all(one.low <= one.value <= one.high for one in (*curve.accuracy, *curve.auc))
    assert curve.against is None


def test_each_strategy_is_tested_against_random_by_seeds_after_the_first_round():
    better, worse, random = judge_courses(
        courses(badge=(20, 36, 38), diversity=(20, 28, 30), random=(20, 30, 32)), LIKED
    )
    assert random.against is None
    assert better.against.overall.difference.value == pytest.approx(6 / ITEMS)
    assert better.against.overall.groups == 10
    assert better.against.overall.p_value == pytest.approx(2 / 2**10)
    assert better.against.p_value == pytest.approx(2 * 2 / 2**10)
    assert [round(one.difference.value * ITEMS) for one in better.against.each] == [0, 6, 6]
    assert better.against.beats
    assert not worse.against.beats
    assert worse.against.overall.differs
    assert verdict([better, worse, random]) == (
        "badge beats random; diversity loses to it (2 tried, Holm's correction)."
    )
    assert saved(better, random, GOALS) == 20
    assert saved(worse, random, GOALS) is None


def test_several_that_beat_it_are_all_named():
    curves = judge_courses(courses(uncertainty=(20, 36, 38), badge=(20, 37, 38), random=(20, 30, 32)), LIKED)
    assert verdict(curves).startswith("uncertainty and badge beat random (2 tried")


def test_that_none_beats_random_is_said():
    some = courses(badge=(20, 30, 32), random=(20, 30, 32))
    curves = judge_courses(some, LIKED)
    assert verdict(curves) == "No strategy beats random (1 tried, Holm's correction)."


def test_too_few_seeds_to_tell_are_named():
    curves = judge_courses(courses(3, badge=(20, 38, 38), random=(20, 30, 32)), LIKED)
    assert verdict(curves) == "3 seeds are too few to tell any strategy from random; use seeds=10 or more."


def test_holm_corrects_as_the_paper_does():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.001]) == pytest.approx([0.6, 0.002])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
