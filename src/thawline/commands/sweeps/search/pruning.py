"""Trials that do worse than others did are ended early: each tells the study how it goes, whatever process it is."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner
from optuna.trial import TrialState

from thawline.commands.sweeps.search.settings import HYPERBAND, MEDIAN, WILCOXON
from thawline.commands.sweeps.search.storage import open_storage
from thawline.errors import PrunedError, RunError
from thawline.runs.sweep import read_sweep
from thawline.screen import format_number

DIRECTORY = "directory"  # the number of a trial's directory, in the study
_FIRST_TRIALS, _FIRST_EPOCHS = 5, 3  # are never ended


def pruner_of(name: str) -> BasePruner:
    """Optuna's pruner that `sweep.prune` calls `name`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one of them may change in later releases
        if name == MEDIAN:
            return MedianPruner(n_startup_trials=_FIRST_TRIALS, n_warmup_steps=_FIRST_EPOCHS)
        if name == HYPERBAND:
            return HyperbandPruner(min_resource=_FIRST_EPOCHS, max_resource="auto")
        return WilcoxonPruner(n_startup_steps=2) if name == WILCOXON else NopPruner()


def watch_for(sweep: Mapping[str, Any], config: Mapping[str, Any], directory: Path) -> "StudyWatch":
    """What tells the study of the trial in `directory`, by the settings of its sweep and its own config.

    Raises:
        UserError: The storage can't be used.
        RunError: The study does not know the trial.
    """
    study = optuna.load_study(
        study_name=read_sweep(directory.parent)["study"],
        storage=open_storage(directory.parent, sweep["storage"]),
        sampler=optuna.samplers.RandomSampler(),  # asks for nothing here
        pruner=pruner_of(sweep["prune"]),
    )
    for known in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if known.user_attrs.get(DIRECTORY) == int(directory.name):
            epochs = config["method"].get("epochs") or 1
            return StudyWatch(optuna.Trial(study, known._trial_id), epochs, by_folds=sweep["prune"] == WILCOXON)
    raise RunError("the search's study does not know this trial, or took it for ended")


class StudyWatch:
    """Tells the study how a trial goes, and ends the trial where the study's pruner says so.

    A step is an epoch of a fold, so that trials are compared at the same one; what is told is the least inner loss so
    far, averaged with those of the folds before. Over folds a step is a fold, and what is told is its inner score.
    """

    def __init__(self, trial: optuna.Trial, epochs: int, *, by_folds: bool) -> None:
        """Keep the study's trial, the epochs of a fold at most, and what is compared."""
        self._trial, self._epochs, self._by_folds = trial, epochs, by_folds
        self._least: dict[str, float] = {}
        self._fitted = 0

    def epoch(self, fold: str, epoch: int, loss: float) -> None:
        """See `fitting.fit.Watch`."""
        if self._by_folds or not math.isfinite(loss):  # what is no number fails by itself
            return
        self._least[fold] = min(loss, self._least.get(fold, loss))
        step = self._fitted * self._epochs + epoch
        value = sum(self._least.values()) / len(self._least)
        self._report(-value, step, f"its inner loss of {value:.3f} after epoch {epoch + 1} of {fold}")

    def fold(self, fold: str, score: float) -> None:
        """See `fitting.fit.Watch`."""
        if self._by_folds:
            # Errors come as negative numbers, and what is no error never is one.
            said = f"error of {format_number(-score)}" if score < 0 else f"score of {100 * score:.1f} %"
            self._report(score, self._fitted, f"its inner {said} on {fold}")
        self._fitted += 1

    def _report(self, value: float, step: int, what: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trial that goes on tells some steps again
            self._trial.report(value, step)
            if self._trial.should_prune():
                raise PrunedError(f"{what} is worse than what other trials came to there")
