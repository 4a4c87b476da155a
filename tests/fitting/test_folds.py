import numpy as np
import pytest

from thawline.errors import UserError
from thawline.fitting.folds import plan_folds

LABELS = np.repeat([0, 1], 20)
GROUPS = np.arange(40) // 2


def plan(sides=None, cv=None):
    return plan_folds(LABELS, GROUPS, sides, cv=cv, share=0.2, seed=0, classes=("a", "b"))


def test_a_hold_out_judges_a_fifth_of_the_groups():
    (fold,) = plan()
    assert fold.name == "holdout"
    assert fold.inner is None
    assert len(fold.test) == 8
    assert sorted([*fold.train, *fold.test]) == list(range(40))
    assert not set(GROUPS[fold.train]) & set(GROUPS[fold.test])


def test_cross_validation_judges_every_sample_once():
    folds = plan(cv=4)
    assert [fold.name for fold in folds] == ["fold0", "fold1", "fold2", "fold3"]
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(40))


def test_given_sides_are_kept():
    sides = ["train"] * 10 + ["val"] * 5 + ["test"] * 25
    (fold,) = plan(sides)
    assert (len(fold.train), len(fold.inner), len(fold.test)) == (10, 5, 25)


def test_without_a_test_side_the_validation_side_is_judged_and_chooses_nothing():
    (fold,) = plan(["train"] * 30 + ["val"] * 10)
    assert fold.inner is None
    assert list(fold.test) == list(range(30, 40))


def test_given_fold_numbers_are_kept():
    folds = plan(["0"] * 20 + ["1"] * 20)
    assert [list(fold.test) for fold in folds] == [list(range(20)), list(range(20, 40))]


@pytest.mark.parametrize(
    ("sides", "cv", "sentence"),
    [
        (["train"] * 20 + ["test"] * 20, 5, "cv can't be used"),
        (["train"] * 40, None, "has only train"),
        (["0"] * 20 + ["1"] * 20, 5, "names 2 folds"),
    ],
)
def test_contradictions_are_refused(sides, cv, sentence):
    with pytest.raises(UserError, match=sentence):
        plan(sides, cv)
