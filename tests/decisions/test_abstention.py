from contextlib import suppress

import numpy as np
import pytest

from thawline.decisions.abstention import fit_abstention
from thawline.errors import UserError


def answers(seed, size=300):
    """Answers that are right as often as they are sure, some of them in groups, and their groups."""
    draw = np.random.default_rng(seed)
    sure = draw.uniform(0.5, 1, size) ** 0.25
    return draw.uniform(size=size) < sure, sure, np.arange(size) // 2 if seed % 2 else np.arange(size)


def test_of_a_hundred_draws_the_promise_is_broken_in_five_at_most():
    made = broken = 0
    for seed in range(100):
        with suppress(UserError):
            promise = fit_abstention(*answers(seed), 0.1, "inner")
            right, sure, _ = answers(1_000 + seed, 20_000)
            made += 1
            broken += (~right[sure >= promise.threshold]).mean() > 0.1
    assert made > 60
    assert broken <= 5


def test_a_model_that_is_good_enough_always_answers():
    right = np.ones(300, dtype=bool)
    right[:5] = False
    promise = fit_abstention(right, np.linspace(0.5, 1, 300), np.arange(300), 0.05, "out-of-fold")
    assert promise.to_json() == {
        "threshold": 0.0,
        "max_error": 0.05,
        "confidence": 0.95,
        "answered": 1.0,
        "error": 5 / 300,
        "fitted_on": "out-of-fold",
        "samples": 300,
    }


def test_answers_alike_stand_on_one_side_of_the_threshold():
    sure = np.repeat([0.99, 0.6], [150, 150])
    right = np.repeat([True, False], [150, 150])
    promise = fit_abstention(right, sure, np.arange(300), 0.05, "inner")
    assert promise.threshold == pytest.approx(0.795)
    assert (promise.answered, promise.error) == (0.5, 0)


def test_groups_that_are_right_as_one_count_once():
    right, sure = np.ones(300, dtype=bool), np.linspace(0.5, 1, 300)
    assert fit_abstention(right, sure, np.arange(300), 0.02, "inner").answered == 1
    with pytest.raises(UserError, match=r"by 300 inner samples in 10 groups; max_error=0\.42 could be, with 100 %"):
        fit_abstention(right, sure, np.arange(300) // 30, 0.02, "inner")


def test_what_can_not_be_promised_is_refused():
    with pytest.raises(UserError, match=r"nor could 0\.5; more samples are needed"):
        fit_abstention(np.zeros(50, dtype=bool), np.linspace(0.5, 1, 50), np.arange(50), 0.05, "inner")
