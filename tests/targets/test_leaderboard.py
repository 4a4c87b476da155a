import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.judging.metrics import judge
from thawline.judging.paired import compare
from thawline.runs.predictions import Predictions, join_predictions
from thawline.targets.leaderboard import Scored, beats, choose, pick, rank

CLASSES = ("a", "b")


def fold(name, right, *, sure=0.8, paths=None, baseline=0):
    """Predictions of one fold: which samples are right, and how sure it is of what it says."""
    right = np.asarray(right, dtype=bool)
    labels = np.arange(len(right)) % 2
    said = np.where(right, labels, 1 - labels)
    probabilities = np.full((len(right), 2), 1 - sure, dtype=np.float32)
    probabilities[np.arange(len(right)), said] = sure
    return Predictions(
        paths=tuple(paths or (f"{name}/{i}" for i in range(len(right)))),
        groups=np.arange(len(right)) // 2,
        labels=labels,
        folds=(name,) * len(right),
        probabilities=probabilities,
        baseline=np.full(len(right), baseline),
        classes=CLASSES,
    )


def trial(number, setting, *folds, seed=0, **changes):
    facts = {"baseline": "zero-shot", "seconds": 1.5, "computed": 10, "read": 20, "cost": (0.0, 100)}
    return Scored(number=number, setting=setting, seed=seed, inner=join_predictions(folds), **{**facts, **changes})


def n_right(count, of=10):
    return [True] * count + [False] * (of - count)


def settings_of(rows):
    return [row.setting for row in rows]


def test_settings_stand_in_order_of_their_inner_accuracy():
    rows = rank([trial(i, f"lr={i}", fold("holdout", n_right(count))) for i, count in enumerate([6, 9, 7])])
    assert settings_of(rows) == ["lr=1", "lr=2", "lr=0"]
    assert [row.judgement.accuracy.value for row in rows] == [0.9, 0.7, 0.6]


def test_of_equal_accuracies_the_smaller_log_loss_comes_first():
    sure, unsure = (fold("holdout", n_right(8), sure=sure) for sure in (0.99, 0.7))
    assert settings_of(rank([trial(0, "sure", sure), trial(1, "unsure", unsure)])) == ["unsure", "sure"]


def test_of_equal_settings_the_first_trial_comes_first():
    same = fold("holdout", n_right(8))
    rows = rank([trial(i, f"lr={i}", same) for i in range(3)])
    assert settings_of(rows) == ["lr=0", "lr=1", "lr=2"]
    assert choose([trial(i, f"lr={i}", same) for i in (2, 0, 1)]) == {(0, "holdout"): 0}


def test_of_settings_that_can_not_be_told_apart_the_simplest_is_taken():
    """One sample less of ten is no difference, eight less are one."""
    costs = {"thaw=2": (3.0, 500), "thaw=1": (2.0, 200), "mlp": (0.0, 90), "linear": (0.0, 10), "zero": (0.0, 1)}
    right = {"thaw=2": 20, "thaw=1": 19, "mlp": 18, "linear": 18, "zero": 2}
    trials = [
        trial(i, name, fold("holdout", n_right(right[name], of=20)), cost=cost)
        for i, (name, cost) in enumerate(costs.items())
    ]
    rows = rank(trials)
    assert [row.is_alike for row in rows] == [True, True, True, True, False]
    assert pick(rows, simplest=True).setting == "linear"
    assert pick(rows, simplest=False).setting == "thaw=2"
    assert choose(trials, simplest=True) == {(0, "holdout"): 3}
    assert choose(trials) == {(0, "holdout"): 0}


def test_what_is_as_good_everywhere_and_better_somewhere_beats():
    points = [(-0.9, 5.0), (-0.9, 4.0), (-0.8, 4.0), (-0.7, 1.0), (-0.7, 1.0)]
    front = [point for point in points if not any(beats(other, point) for other in points)]
    assert front == [(-0.9, 4.0), (-0.7, 1.0), (-0.7, 1.0)]


def test_of_settings_that_cost_the_same_the_best_is_taken():
    trials = [trial(i, f"lr={i}", fold("holdout", n_right(count, of=20))) for i, count in enumerate((18, 20, 19))]
    assert pick(rank(trials), simplest=True).setting == "lr=1"
    assert choose(trials, simplest=True) == {(0, "holdout"): 1}


def test_seeds_and_folds_of_one_setting_are_one_row():
    trials = [
        trial(number, name, fold("fold0", n_right(count)), fold("fold1", n_right(count)), seed=seed)
        for number, (name, seed, count) in enumerate([("x", 0, 7), ("y", 0, 9), ("x", 1, 5), ("y", 1, 8)])
    ]
    first, second = rank(trials)
    assert (first.setting, first.trials, second.setting, second.trials) == ("y", (1, 3), "x", (0, 2))
    assert first.judgement.samples == 40
    assert first.judgement.accuracy.value == pytest.approx(34 / 40)
    assert (first.seconds, first.computed, first.read) == (3.0, 20, 40)
    assert second.against_best.samples == 40
    assert second.against_best.difference.value == pytest.approx((24 - 34) / 40)
    # Both seeds judge the photos of the same groups.
    assert second.against_best.groups == first.judgement.groups == 5


def test_each_is_tested_against_the_best_and_against_its_own_baseline():
    generator = np.random.default_rng(0)
    right = [generator.random(60) < share for share in (0.9, 0.6)]
    best, other = (fold("holdout", one, baseline=1) for one in right)
    first, second = rank([trial(0, "other", other, baseline="majority"), trial(1, "best", best)])
    assert first.against_best is None
    expected = compare(other.labels, other.said, best.said, other.groups, name_a="other", name_b="best")
    assert second.against_best == expected
    expected = compare(
        other.labels, other.said, np.ones(60, dtype=np.int64), other.groups, name_a="other", name_b="majority"
    )
    assert second.against_baseline == expected
    assert first.against_baseline.name_b == "zero-shot"


def test_where_a_trial_failed_the_test_is_over_the_samples_that_both_have():
    whole = [trial(seed, "whole", fold("holdout", n_right(9)), seed=seed) for seed in (0, 1)]
    gap = trial(2, "gap", fold("holdout", n_right(6)), seed=1)  # its seed 0 failed
    _, row = rank([*whole, gap])
    assert (row.judgement.samples, row.against_best.samples) == (10, 10)
    assert row.against_best.difference.value == pytest.approx(-0.3)


def test_a_gap_in_the_best_is_a_gap_in_the_test():
    best = trial(0, "best", fold("fold0", n_right(10)))
    rest = trial(1, "rest", fold("fold0", n_right(8)), fold("fold1", n_right(2)))
    _, row = rank([best, rest])
    assert row.judgement.accuracy.value == 0.5
    assert row.against_best.difference.value == pytest.approx(-0.2)


@pytest.mark.parametrize(
    "change", [{"folds": ("fold9",) * 10}, {"paths": tuple("abcdefghij")}, {"classes": ("a", "c")}], ids=str
)
def test_without_common_samples_there_is_no_test(change):
    other = replace(fold("holdout", n_right(5)), **change)
    _, row = rank([trial(0, "best", fold("holdout", n_right(9))), trial(1, "other", other)])
    assert row.against_best is None


def test_the_samples_are_matched_by_path_whatever_their_order():
    right = [True, False, True, True, False, True, True, True, True, True]
    best = fold("holdout", [True] * 10)
    mixed = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    rows = rank([trial(0, "best", best), trial(1, "x", fold("holdout", right))])
    shuffled = replace(trial(1, "x", fold("holdout", right)), inner=fold("holdout", right).subset(mixed))
    assert rank([trial(0, "best", best), shuffled])[1].against_best == rows[1].against_best


def test_a_row_is_plain_json():
    rows = rank([trial(0, "x", fold("holdout", n_right(9))), trial(1, "y", fold("holdout", n_right(6)))])
    first, second = json.loads(json.dumps([row.to_json() for row in rows]))
    assert first["against_best"] is None
    assert (first["setting"], first["trials"], first["seconds"]) == ("x", [0], 1.5)
    assert first["features"] == {"computed": 10, "read": 20}
    assert second["against_best"]["summary"].startswith("y and x cannot be told apart")


def test_every_cell_chooses_by_itself():
    trials = [
        trial(0, "x", fold("fold0", n_right(9)), fold("fold1", n_right(6)), seed=0),
        trial(1, "y", fold("fold0", n_right(8)), fold("fold1", n_right(7)), seed=0),
        trial(2, "x", fold("fold0", n_right(5)), fold("fold1", n_right(10)), seed=1),
        trial(3, "y", fold("fold0", n_right(6)), fold("fold1", n_right(10)), seed=1),
    ]
    assert choose(trials) == {(0, "fold0"): 0, (0, "fold1"): 1, (1, "fold0"): 3, (1, "fold1"): 2}


def test_a_cell_whose_other_trials_failed_takes_the_one_that_is_left():
    trials = [trial(0, "x", fold("holdout", n_right(1))), trial(3, "y", fold("holdout", n_right(9)), seed=1)]
    assert choose(trials) == {(0, "holdout"): 0, (1, "holdout"): 3}


CELLS = [(seed, name) for seed in (0, 1) for name in ("fold0", "fold1", "fold2")]
RIGHT = st.lists(st.booleans(), min_size=8, max_size=8)
ONE = st.fixed_dictionaries({"right": RIGHT, "sure": st.sampled_from([0.6, 0.8, 0.95])})
TABLE = st.lists(st.fixed_dictionaries(dict.fromkeys(CELLS, ONE)), min_size=3, max_size=3)  # three settings


def sweep(table):
    numbers = iter(range(100))
    return [
        trial(next(numbers), f"s{i}", *(fold(name, **cells[seed, name]) for _, name in CELLS[:3]), seed=seed)
        for i, cells in enumerate(table)
        for seed in (0, 1)
    ]


@settings(max_examples=12, deadline=None)
@given(TABLE, TABLE, st.sampled_from(CELLS))
def test_what_other_cells_say_never_changes_a_choice(table, others, cell):
    changed = [{**other, cell: mine[cell]} for mine, other in zip(table, others, strict=True)]
    assert choose(sweep(table))[cell] == choose(sweep(changed))[cell]


@settings(max_examples=12, deadline=None)
@given(TABLE)
def test_the_choice_is_the_best_of_its_cell(table):
    trials = sweep(table)
    chosen = choose(trials)
    assert list(chosen) == CELLS

    def merit(scored, name):
        mine = scored.inner.subset(np.flatnonzero(np.array(scored.inner.folds) == name))
        judgement = judge(mine.labels, mine.probabilities, mine.groups, mine.classes)
        return judgement.accuracy.value, -judgement.log_loss.value

    for (seed, name), number in chosen.items():
        merits = {t.number: merit(t, name) for t in trials if t.seed == seed}
        assert merits[number] == max(merits.values())
        assert number == min(n for n, value in merits.items() if value == merits[number])


@settings(max_examples=10, deadline=None)
@given(TABLE, st.randoms())
def test_the_order_of_the_trials_does_not_matter_to_the_choice(table, random):
    trials = sweep(table)
    mixed = random.sample(trials, len(trials))
    assert choose(mixed) == choose(trials)


@settings(max_examples=10, deadline=None)
@given(TABLE)
def test_the_best_stands_first_and_nobody_is_above_it(table):
    rows = rank(sweep(table))
    accuracies = [row.judgement.accuracy.value for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [row.against_best is None for row in rows] == [True, False, False]
    for row in rows[1:]:
        assert row.against_best.difference.value == pytest.approx(row.judgement.accuracy.value - accuracies[0])
