"""What a sweep says to try next, on tables of exact values."""

import pytest

from thawline.judging.metrics import judge
from thawline.judging.paired import compare
from thawline.reports.advice import MOST, advise
from thawline.reports.importances import Importance
from thawline.reports.swept import SweptTrial, split_setting
from thawline.targets.leaderboard import Row

LABELS = [i % 2 for i in range(40)]


def row(setting, right, best=40, *, seconds=10.0, trials=(0,)):
    """A setting that has the first `right` of 40 samples right, tested against one that has the first `best`."""
    said, top = ([label if i < n else 1 - label for i, label in enumerate(LABELS)] for n in (right, best))
    probabilities = [[1.0 - one, float(one)] for one in said]
    groups = list(range(40))
    return Row(
        setting=setting,
        trials=trials,
        judgement=judge(LABELS, probabilities, groups, ("a", "b")),
        against_best=None if right == best else compare(LABELS, said, top, groups),
        against_baseline=compare(LABELS, said, top, groups),
        seconds=seconds,
        computed=0,
        read=0,
        cost=(0.0, 0),
    )


def trials(*settings, status=None):
    """A trial for each setting; `status` has how those ended that did not finish, by number."""
    ends = status or {}
    return [
        SweptTrial(n, one, split_setting(one), ends.get(n, "finished"), None, None if n in ends else 0.5, 1.0, 10)
        for n, one in enumerate(settings)
    ]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], []),
        ([("thaw=2", 20, 9.0)], ["thaw=4 is better than the other setting by the paired test (p < 0.05)."]),
        (
            [("thaw=2", 20, 9.0), ("thaw=1", 10, 9.0)],
            ["thaw=4 is better than each of the 2 other settings by the paired test (p < 0.05)."],
        ),
        ([("thaw=2", 39, 2.0)], ["The other setting cannot be told apart from the best, thaw=4."]),
        (
            [("thaw=2", 39, 3.0), ("thaw=1", 38, 0.7), ("thaw=0", 20, 0.1)],
            ["2 of the 3 other settings cannot be told apart from the best, thaw=4."],
        ),
    ],
)
def test_what_can_not_be_told_apart_from_the_best(others, said):
    rows = [row("thaw=4", 40), *(row(name, right, seconds=seconds) for name, right, seconds in others)]
    # Two values have no middle, and of these the best is none that is lower.
    found = advise(rows, trials("thaw=4", "thaw=1"), [])
    assert found == said


def test_the_setting_that_is_named_is_the_one_that_the_sweep_takes_and_not_the_fastest():
    rows = [row("thaw=4", 40), row("thaw=2", 39, seconds=0.7), row("thaw=head", 38, seconds=3.0)]
    known = "2 of the 2 other settings cannot be told apart from the best, thaw=4"
    told = trials("thaw=4", "thaw=2")
    assert advise(rows, told, [], rows[2]) == [
        f"{known}; thaw=head is taken, which takes 3.0 s a trial where the best takes 10 s."
    ]
    slow = [rows[0], row("thaw=2", 39, seconds=9.1), rows[2]]
    assert advise(slow, told, [], slow[1]) == [f"{known}; thaw=2 is taken, as it is simpler."]


def test_time_is_counted_by_trial_and_a_setting_without_a_common_sample_does_not_count():
    rows = [row("a=x", 40, seconds=20.0, trials=(0, 1)), row("a=y", 39, seconds=6.0)]
    assert advise(rows, trials("a=x", "a=x", "a=y"), [], rows[1]) == [
        "The other setting cannot be told apart from the best, a=x; a=y is taken, which takes 6.0 s a trial where the "
        "best takes 10 s."
    ]
    rows = [row("a=x", 40), row("a=y", 40)]  # no test: the two have no sample in common
    assert advise(rows, trials("a=x", "a=y"), []) == []


@pytest.mark.parametrize(
    ("values", "best", "end"),
    [
        (["0.001", "0.01", "0.1"], "0.1", "0.1, the largest tried"),
        (["0.001", "0.01", "0.1"], "0.001", "0.001, the smallest tried"),
        (["0.001", "0.01", "0.1"], "0.01", None),
        (["0.001", "0.1"], "0.1", None),  # of two values one is always at an end
        (["0", "0.1", "0.2"], "0", None),  # an end by itself
        (["0", "0.1", "0.2"], "0.2", "0.2, the largest tried"),
        (["head", "1", "2", "3"], "3", "3, the largest tried"),
        (["head", "1", "2", "3"], "head", None),
        # A search's values: near the end counts, on the scale on which they lie.
        (["0.0001", "0.001", "0.96", "1"], "0.96", "0.96, near the largest tried, 1"),
        (["0.0001", "0.0003", "0.95", "1"], "0.0003", None),
        (["10", "11", "20", "100"], "11", "11, near the smallest tried, 10"),
        (["nan", "1", "2"], "2", None),
    ],
)
def test_a_best_value_at_the_end_of_what_was_tried(values, best, end):
    settings = [f"method.lr={value}" if "0.0" in value or "0.1" in value else f"x={value}" for value in values]
    key = settings[values.index(best)].partition("=")[0]
    settings = [f"{key}={value}" for value in values]
    found = advise([row(f"{key}={best}", 40)], trials(*settings), [])
    said = f"The best value of {key} ({end}) lies at the end of what was tried: widen its range."
    assert found == ([] if end is None else [said])


def test_what_failed_was_tried_too_and_several_ends_are_one_sentence():
    settings = [f"lr={lr} decay={decay}" for lr in ("1", "2", "3") for decay in ("4", "5", "6")]
    assert advise([row("lr=3 decay=4", 40)], trials(*settings), []) == [
        "The best values of lr (3, the largest tried) and decay (4, the smallest tried) lie at the end of what was "
        "tried: widen their ranges."
    ]
    more = trials(*settings, "lr=4 decay=3", status={9: "failed"})
    assert advise([row("lr=3 decay=4", 40)], more, []) == []


def test_a_setting_that_explains_no_more_than_chance_is_to_be_fixed_and_not_to_be_widened():
    settings = [f"lr={lr} decay={decay}" for lr in ("1", "2", "3") for decay in ("4", "5", "6")]
    important = [Importance("lr", 0.9, 0.1), Importance("decay", 0.05, 0.05)]
    assert advise([row("lr=2 decay=4", 40)], trials(*settings), important) == [
        "In 9 trials decay made no difference beyond chance: fix it."
    ]
    important = [Importance("lr", 0.09, 0.1), Importance("decay", 0.05, 0.05), Importance("x", 0.0, 0.05)]
    assert advise([row("lr=3 decay=4", 40)], trials(*settings), important) == [
        "In 9 trials decay, lr and x made no difference beyond chance: fix them."
    ]


LINEAR = [f"method={method} lr={lr}" for method in ("linear", "mlp") for lr in ("1", "2", "3", "4", "5")]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {3: "failed", 4: "failed", 8: "failed", 9: "failed"},
            "4 of 4 trials with lr of 4 and more failed, and 0 of the 6 others: ",
        ),
        ({5 + n: "pruned" for n in range(5)}, "5 of 5 trials with method=mlp were pruned, and 0 of the 5 others: "),
        (
            {5 + n: ("pruned", "failed")[n % 2] for n in range(5)},
            "5 of 5 trials with method=mlp failed or were pruned, and 0 of",
        ),
        ({1: "failed", 4: "failed"}, None),  # two may lie together by chance
        (dict.fromkeys((0, 3, 6, 9), "failed"), None),
        ({5 + n: "interrupted" for n in range(5)}, None),  # that is of no setting
    ],
)
def test_failed_and_pruned_trials_that_lie_together(status, said):
    found = advise([row("method=linear lr=2", 40)], trials(*LINEAR, status=status), [])
    assert len(found) == (said is not None)
    if said:
        assert said in found[0]
        assert found[0].endswith(": leave such values out, or see why.")


def test_there_are_three_sentences_at_most_what_can_not_be_told_apart_first():
    settings = [f"a={a} lr={lr}" for a in ("x", "y") for lr in ("1", "2", "3", "4", "5")]
    status = {5 + n: "failed" for n in range(5)}
    found = advise(
        [row("a=x lr=5", 40), row("a=x lr=4", 39)],
        trials(*settings, status=status),
        [Importance("lr", 0.5, 0.1), Importance("a", 0.0, 0.1)],
    )
    assert [one.split()[0] for one in found] == ["The", "5", "The"]
    assert len(found) == MOST
