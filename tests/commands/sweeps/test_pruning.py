"""Which trials a search ends early, by what they told its study."""

import optuna
import pytest

from thawline.commands.sweeps.search.pruning import StudyWatch, pruner_of
from thawline.errors import PrunedError

EPOCHS = 6


def run(study, losses, scores=(), *, by_folds=False):
    """A trial whose folds have these inner losses; gives where it was ended, in folds and epochs, or None."""
    trial = study.ask()
    watch = StudyWatch(trial, EPOCHS, by_folds=by_folds)
    for fold, of_fold in enumerate(losses or [[]] * len(scores)):
        try:
            for epoch, loss in enumerate(of_fold):
                watch.epoch(f"fold{fold}", epoch, loss)
            watch.fold(f"fold{fold}", scores[fold] if scores else 0.5)
        except PrunedError:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return fold, epoch if of_fold else None
    study.tell(trial, sum(scores) / len(scores) if scores else -min(losses[-1]))
    return None


@pytest.fixture
def study_with():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return lambda name: optuna.create_study(direction="maximize", pruner=pruner_of(name), study_name="sweep")


def falling(start):
    return [start - 0.1 * epoch for epoch in range(EPOCHS)]


def test_the_median_ends_what_is_worse_at_the_same_epoch(study_with):
    study = study_with("median")
    assert [run(study, [falling(1.0), falling(2.0)]) for _ in range(5)] == [None] * 5
    # The second fold is harder for all: nobody is ended for that.
    assert run(study, [falling(1.0), falling(2.0)]) is None
    assert run(study, [falling(3.0), falling(2.0)]) == (0, 3)  # the first three epochs are everybody's
    assert run(study, [[float("nan")] * EPOCHS, falling(1.0)]) is None  # which fails by itself


def test_the_first_trials_are_never_ended(study_with):
    study = study_with("median")
    assert [run(study, [falling(start)]) for start in (1.0, 2.0, 3.0, 4.0, 5.0)] == [None] * 5


def test_hyperband_ends_the_worse_ones(study_with):
    study = study_with("hyperband")
    ends = [run(study, [falling(1.0 + 0.1 * (number * 7 % 20))]) for number in range(20)]
    assert ends[0] is None
    assert 3 < sum(end is not None for end in ends) < 17


def test_wilcoxon_ends_what_is_worse_over_folds(study_with):
    study = study_with("wilcoxon")
    good = [0.9, 0.91, 0.92, 0.93, 0.94, 0.95]
    assert run(study, [], good, by_folds=True) is None
    worse = [score - 0.1 - 0.01 * i for i, score in enumerate(good)]
    assert run(study, [], worse, by_folds=True) in {(fold, None) for fold in range(2, 6)}
    assert run(study, [], [0.91, 0.9, 0.93, 0.92, 0.95, 0.94], by_folds=True) is None
