import numpy as np
import pytest

from thawline.reports.importances import importances, trials_needed
from thawline.reports.swept import SweptTrial


def made(settings, score):
    """A finished trial for each setting, with the score that its values give."""
    return [
        SweptTrial(n, "", {k: str(v) for k, v in one.items()}, "finished", None, score(one), 1.0, None)
        for n, one in enumerate(settings)
    ]


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(0)
    return [
        {"method.lr": 10 ** random.uniform(-5, -1), "head": ("linear", "mlp")[n % 2], "decay": random.uniform()}
        for n in range(24)
    ]


def test_what_makes_the_score_matters_and_what_does_not_is_within_chance(drawn):
    found = importances(made(drawn, lambda one: -abs(np.log10(one["method.lr"]) + 4) / 6 + (one["head"] == "mlp") / 6))
    assert {one.key: one.matters for one in found} == {"method.lr": True, "head": True, "decay": False}
    assert found[0].value >= found[1].value > found[2].value >= 0
    assert sum(one.value for one in found) <= 1
    assert all(0 <= one.noise < 0.5 for one in found)


def test_the_same_trials_give_the_same_numbers_whatever_has_no_score_and_optuna_says_nothing(drawn, capfd):
    trials = made([{k: one[k] for k in ("head", "decay")} for one in drawn[:12]], lambda one: one["decay"])
    found = importances(trials)
    lost = SweptTrial(12, "", {"decay": "9"}, "failed", "why", None, None, None)
    assert importances([*trials, lost]) == found
    assert [one.key for one in found if one.matters] == ["decay"]
    assert capfd.readouterr() == ("", "")


def test_few_trials_and_equal_scores_say_nothing(drawn):
    assert importances(made(drawn[:11], lambda one: one["decay"])) == []
    assert trials_needed(made(drawn[:11], lambda one: one["decay"])) == 12
    assert importances(made(drawn, lambda _: 0.5)) == []
    many = [{**one, **{f"k{i}": n * i % 7 for i in range(1, 6)}} for n, one in enumerate(drawn)]
    assert trials_needed(made(many, lambda one: one["decay"])) == 4 * 8
    assert importances(made(many, lambda one: one["decay"])) == []


def test_a_setting_that_some_lack_counts_by_its_choices_and_many_numbers_of_such_not(drawn):
    some = [
        {k: v for k, v in one.items() if one["head"] == "mlp" or k == "head"} | ({"width": 64} if n % 4 == 1 else {})
        for n, one in enumerate(drawn)
    ]
    found = importances(made(some, lambda one: float("width" in one)))
    assert {one.key for one in found} == {"head", "width"}
    assert found[0].key == "width"
    assert found[0].matters
