"""How much of a sweep's scores each setting explains, and how much is chance: fANOVA beside shuffled settings.

fANOVA (Hutter et al. 2014, ICML) fits a forest to the scores and takes of its variance the share that one setting
makes alone. A setting that does nothing has a share too, by chance. So each stands beside a copy of itself that is
shuffled among the trials (as in Boruta, Kursa and Rudnicki 2010), in 19 rounds: what does nothing exceeds the largest
share of 19 such copies once in 20 times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thawline.reports.swept import SweptTrial, scale_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution

LEAST_TRIALS, TRIALS_A_SETTING = 12, 4
_ROUNDS, _TREES, _DEPTH = 19, 8, 6
_MOST_CHOICES = 8  # of a setting that some trials lack: its numbers are choices then


@dataclass(frozen=True)
class Importance:
    """What a setting explains of the scores.

    Attributes:
        key: The setting.
        value: Its share of the variance, 0 to 1, alone; what it does together with others counts for none.
        noise: The largest share that the setting had when it was shuffled among the trials.
    """

    key: str
    value: float
    noise: float

    @property
    def matters(self) -> bool:
        """Whether it explains more than chance does."""
        return self.value > self.noise


def trials_needed(trials: Sequence[SweptTrial]) -> int:
    """From how many finished trials on importances are said."""
    return max(LEAST_TRIALS, TRIALS_A_SETTING * len(_columns([one for one in trials if one.score is not None])))


def importances(trials: Sequence[SweptTrial]) -> list[Importance]:
    """The settings, the most important first; none where too few trials finished, or all have one score.

    Settings of one value alone are left out, and those of many numbers that some trials lack. The same trials give the
    same numbers.
    """
    finished = [one for one in trials if one.score is not None]
    scores = [one.score for one in finished if one.score is not None]
    columns = _columns(finished)
    if not columns or len(finished) < trials_needed(trials) or len(set(scores)) == 1:
        return []
    table = np.array([values for _, values in columns.values()]).T
    kinds = [kind for kind, _ in columns.values()]
    shares = np.array([_round(table, kinds, scores, seed) for seed in range(_ROUNDS)])
    own, shuffled = shares[:, : len(columns)], shares[:, len(columns) :]
    found = [Importance(key, float(own[:, i].mean()), float(shuffled[:, i].max())) for i, key in enumerate(columns)]
    return sorted(found, key=lambda one: -one.value)


def _columns(finished: Sequence[SweptTrial]) -> dict[str, tuple[str, list[float]]]:
    """For each setting that varies whether its values are numbers or choices, and where each trial's lies."""
    columns: dict[str, tuple[str, list[float]]] = {}
    for key in dict.fromkeys(key for one in finished for key in one.swept):
        given = [one.swept.get(key) for one in finished]
        values = [value for value in given if value is not None]
        if len(set(given)) == 1 or (len(values) < len(given) and len(set(values)) > _MOST_CHOICES):
            continue
        if len(values) < len(given):
            order = list(dict.fromkeys(given))
            columns[key] = ("category", [float(order.index(value)) for value in given])
            continue
        scale = scale_of(key, values)
        places = [scale.places[value] for value in values]
        columns[key] = (scale.kind, [math.log10(one) for one in places] if scale.kind == "log" else places)
    return columns


def _round(table: NDArray[np.float64], kinds: Sequence[str], scores: Sequence[float], seed: int) -> list[float]:
    """The shares of the columns of `table` [trials, settings], and then those of the same, each shuffled."""
    # Late: half a second, which only the end of a large sweep and its page take.
    from optuna import create_study
    from optuna.importance import FanovaImportanceEvaluator
    from optuna.trial import create_trial

    both = np.hstack([table, np.random.default_rng(seed).permuted(table, axis=0)])
    names = [str(i) for i in range(both.shape[1])]
    spaces = {one: _space(kind, column) for one, kind, column in zip(names, [*kinds, *kinds], both.T, strict=True)}
    with _quiet():
        study = create_study(direction="maximize")
        for row, score in zip(both.tolist(), scores, strict=True):
            study.add_trial(create_trial(params=dict(zip(names, row, strict=True)), distributions=spaces, value=score))
        found = FanovaImportanceEvaluator(n_trees=_TREES, max_depth=_DEPTH, seed=seed).evaluate(study)
    return [float(found[one]) for one in names]


def _space(kind: str, column: NDArray[np.float64]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # late, as above

    if kind == "category":
        return CategoricalDistribution(sorted(set(column.tolist())))
    return FloatDistribution(float(column.min()), float(column.max()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna says of each study that it was made."""
    from optuna import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(level)
