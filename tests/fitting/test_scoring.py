from dataclasses import replace

import numpy as np
import pytest
from tests.fitting.problems import Clusters, fitting

from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold, plan_folds
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.scoring import cross_score_fold, score_fold
from thawline.fitting.settings import GradientSettings, LogisticSettings, ZeroShotSettings
from thawline.fitting.tail import predict

GRADIENT = GradientSettings(name="linear", head="linear", epochs=3, batch_size=16, lr=0.05, patience=3)
LOGISTIC = LogisticSettings(name="logistic", head="linear", c=[0.1, 10.0], folds=3)
NOTHING = ZeroShotSettings(name="zero_shot", head="linear")
METHODS = pytest.mark.parametrize("method", [GRADIENT, LOGISTIC, NOTHING], ids=lambda method: method.fit)
GIVEN = Fold("holdout", np.arange(0, 90, 3), np.arange(1, 90, 3), np.arange(2, 90, 3))


def hold_out(problem):
    labels, groups = problem.labels, problem.groups
    (fold,) = plan_folds(labels, groups, None, cv=None, share=0.2, seed=0, classes=problem.classes)
    return fold


def folds_of(directory):
    return sorted(path.name for path in (directory / "folds").iterdir())


@METHODS
@pytest.mark.parametrize("given", [False, True], ids=["taken", "given"])
def test_the_samples_that_the_fold_judges_are_never_touched(tmp_path, method, given):
    free = Clusters()
    fold = GIVEN if given else hold_out(free)
    guarded = Clusters(forbidden=fold.test)
    guarded.labels[fold.test] = -1
    with pytest.raises(AssertionError, match="touched"):
        guarded.samples(fold.test[:1])
    how = fitting(method, tmp_path)
    scored, _ = score_fold(guarded, fold, how)
    inner = how.inner_fold(free, fold)
    assert scored.paths == tuple(free.names[i] for i in inner.test)
    assert set(scored.folds) == {"holdout"}
    assert list(scored.labels) == list(free.labels[inner.test])
    assert list(scored.groups) == list(free.groups[inner.test])


@METHODS
def test_the_inner_samples_are_of_the_training_side_and_share_no_group_with_the_rest(tmp_path, method):
    problem = Clusters()
    fold = hold_out(problem)
    inner = fitting(method, tmp_path).inner_fold(problem, fold)
    assert sorted([*inner.train, *inner.test]) == sorted(fold.train)
    assert not set(problem.groups[inner.train]) & set(problem.groups[inner.test])
    assert set(problem.labels[inner.test]) == {0, 1, 2}


def test_given_inner_samples_are_the_ones_that_score(tmp_path):
    scored, _ = score_fold(Clusters(), GIVEN, fitting(LOGISTIC, tmp_path))
    assert scored.paths == tuple(f"{i:02}.jpg" for i in range(1, 90, 3))


def test_gradient_descent_is_scored_with_the_tail_that_is_judged_later(tmp_path):
    problem = Clusters()
    fold = hold_out(problem)
    how = fitting(GRADIENT, tmp_path)
    _, fit = score_fold(problem, fold, how)
    assert folds_of(tmp_path) == ["holdout"]
    later = fit_fold(problem, fold, how)
    assert all(fit.state[name].equal(later.state[name]) for name in later.state)
    assert fit.chosen == later.chosen


@pytest.mark.parametrize("given", [False, True], ids=["taken", "given"])
def test_logistic_regression_is_scored_without_the_inner_samples_and_judged_with_them(tmp_path, given):
    problem = Clusters()
    fold = GIVEN if given else hold_out(problem)
    how = fitting(LOGISTIC, tmp_path)
    scored, fit = score_fold(problem, fold, how)
    assert folds_of(tmp_path) == ["holdout-inner"]
    inner = how.inner_fold(problem, fold)
    tail = problem.tail()
    expected = fit_logistic(tail, problem.samples(inner.train), None, LOGISTIC, seed=0)
    assert all(expected.state[name].equal(fit.state[name]) for name in fit.state)
    np.testing.assert_array_equal(scored.probabilities, predict(tail, problem.samples(inner.test)))
    later = fit_fold(problem, fold, how)
    assert folds_of(tmp_path) == ["holdout", "holdout-inner"]
    assert not later.state["head.layers.weight"].equal(fit.state["head.layers.weight"])


def test_a_fold_that_was_scored_before_is_read_back(tmp_path):
    problem = Clusters()
    how = fitting(LOGISTIC, tmp_path)
    first, _ = score_fold(problem, hold_out(problem), how)
    forbidden = Clusters(forbidden=how.inner_fold(problem, hold_out(problem)).train)
    again, _ = score_fold(forbidden, hold_out(problem), how)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)


def test_the_majority_is_counted_without_the_inner_samples(tmp_path):
    # Class c is the most frequent with the inner samples, class a without them.
    problem = Clusters()
    train = np.array([*range(20), *range(30, 42), *range(60, 76)])
    fold = Fold("holdout", train, np.arange(76, 90), np.array([21]))
    scored, _ = score_fold(problem, fold, fitting(NOTHING, tmp_path))
    assert set(scored.baseline) == {0}


def test_another_seed_takes_other_inner_samples(tmp_path):
    problem = Clusters()
    fold = hold_out(problem)
    one, other = (fitting(LOGISTIC, tmp_path, seed=seed).inner_fold(problem, fold) for seed in (0, 1))
    assert list(one.test) != list(other.test)
    again = fitting(LOGISTIC, tmp_path).inner_fold(problem, replace(fold, name="x"))
    assert list(again.test) == list(one.test)


@METHODS
def test_cross_validation_says_each_training_sample_once_by_a_fit_on_other_groups(tmp_path, method):
    free = Clusters()
    fold = hold_out(free)
    guarded = Clusters(forbidden=fold.test)
    scored, _ = cross_score_fold(guarded, fold, fitting(method, tmp_path), 3)
    assert sorted(scored.paths) == sorted(free.names[i] for i in fold.train)
    assert set(scored.folds) == {"holdout"}
    assert not (tmp_path / "folds").exists()


def test_where_inner_samples_are_given_they_score_instead_of_folds(tmp_path):
    scored, _ = cross_score_fold(Clusters(), GIVEN, fitting(LOGISTIC, tmp_path), 3)
    assert scored.paths == tuple(f"{i:02}.jpg" for i in range(1, 90, 3))
