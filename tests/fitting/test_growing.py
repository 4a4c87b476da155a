"""A method on growing parts of what it is trained on."""

import numpy as np
import pytest
from tests.fitting.conftest import ArrayRows
from tests.fitting.problems import Clusters, fitting
from tools.forecast_by_half import growth_of_half, half_of

from thawline.errors import UserError
from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold, plan_folds
from thawline.fitting.growing import fit_whole, grow, sizes_for
from thawline.fitting.predict import predict_fold
from thawline.fitting.settings import GaussianSettings
from thawline.targets.predicted import judge_said

GAUSSIANS = GaussianSettings(name="gda", head="linear", folds=2, shrinkage=[0.1, 0.5])


class Many(Clusters):
    """More of such samples, in groups of one to three; what is trained on is noted."""

    def __init__(self, samples=240, seed=0, spread=1.5):
        super().__init__()
        generator = np.random.default_rng(seed)
        self.labels = np.arange(samples) % 3
        order = np.argsort(self.labels, kind="stable")
        self.groups = np.empty(samples, dtype=np.int64)
        self.groups[order] = np.repeat(np.arange(samples), generator.integers(1, 4, samples))[:samples]
        self.names = tuple(f"{i:03}.jpg" for i in range(samples))
        centres = np.random.default_rng(0).normal(size=(3, 8))
        features = centres[self.labels] + spread * generator.normal(size=(samples, 8))
        self._rows = [ArrayRows(features.astype(np.float32))]
        self.fitted = []

    def samples(self, indices):
        self.fitted.append(set(indices.tolist()))
        return super().samples(indices)


def plan_of(problem, folds=3):
    return plan_folds(problem.labels, problem.groups, None, cv=folds, share=0.2, seed=0, classes=problem.classes)


def test_parts_grow_cut_no_group_and_hold_out_what_is_judged(tmp_path):
    problem = Many()
    plan = plan_of(problem)
    sizes = sizes_for(problem, plan)
    assert sizes == sorted(sizes)
    assert min(abs(size - 0.5) for size in sizes) < 1e-9
    problem.fitted.clear()
    grown = grow(problem, plan, fitting(GAUSSIANS, tmp_path), sizes, 2)
    assert list(tmp_path.iterdir()) == []  # nothing is written to the run
    trained, judged = problem.fitted[::2], problem.fitted[1::2]
    assert len(trained) == 2 * len(plan) * len(sizes)
    whole = {fold.name: set(fold.train.tolist()) for fold in plan}
    of_group = {group: set(np.flatnonzero(problem.groups == group).tolist()) for group in set(problem.groups.tolist())}
    for at in range(0, len(trained), len(sizes)):
        series = trained[at : at + len(sizes)]
        fold = plan[at // len(sizes) % len(plan)]
        assert all(part < larger for part, larger in zip(series, [*series[1:], whole[fold.name]], strict=True))
        for part, test in zip(series, judged[at : at + len(sizes)], strict=True):
            assert part.isdisjoint(test)
            assert test == set(fold.test.tolist())
            assert {int(problem.labels[i]) for i in part} == {0, 1, 2}
            assert all(of_group[int(problem.groups[i])] <= part for i in part)
    assert [one.size for one in grown] == pytest.approx(sizes, abs=0.06)
    assert trained[0] != trained[len(sizes) * len(plan)]  # the draws differ
    for one in grown:
        assert all(said.paths == grown[0].said[0].paths for said in one.said)


def test_the_whole_is_what_a_run_says_and_draws_are_repeatable(tmp_path):
    problem = Many()
    plan = plan_of(problem)
    how = fitting(GAUSSIANS, tmp_path)
    whole = fit_whole(problem, plan, how)
    fold = plan[0]
    alone = predict_fold(problem, fold, fit_fold(problem, fold, how), how.device)
    mine = whole.subset(np.flatnonzero(np.array(whole.folds) == fold.name))
    assert mine.paths == tuple(sorted(alone.paths))
    assert np.array_equal(np.sort(mine.probabilities, axis=0), np.sort(alone.probabilities, axis=0))
    first, second = (grow(problem, plan, how, [0.5], 1)[0].said[0] for _ in range(2))
    assert np.array_equal(first.probabilities, second.probabilities)


def test_a_class_of_few_groups_has_no_curve():
    problem = Many()
    kept = np.flatnonzero((problem.labels != 1) | (np.arange(240) < 30))
    with pytest.raises(UserError, match="needs 12 groups of each class to train on in each fold, and 'b' has"):
        sizes_for(problem, [Fold("one", kept, None, kept[:0])])


@pytest.mark.long
def test_half_of_the_samples_forecasts_what_all_come_to(tmp_path):
    problem = Many(samples=300, spread=1.0)
    how = fitting(GAUSSIANS, tmp_path)
    came = judge_said(fit_whole(problem, plan_of(problem), how)).accuracy.value
    held, widths = 0, []
    for seed in range(10):
        half = half_of(problem, seed)
        assert 120 < len(half) < 180
        told = growth_of_half(problem, how, 3, seed, 2)["accuracy", None].forecast(2.0)
        held += told.low <= came <= told.high
        widths.append(told.high - told.low)
    assert held >= 9
    assert np.mean(widths) < 0.2
