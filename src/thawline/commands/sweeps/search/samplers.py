"""Optuna's samplers, one for each trial: which point it asks for follows from the seed, its number and its forerunners.

So a search that was cut off goes on with the points that it would have asked for, and no sequence begins anew.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_POPULATION = 20  # trials of a generation; Optuna's 50 leave a hundred trials with one that is asked for by the first


def sampler_of(name: str, seed: int, number: int, setting: int = 0) -> "BaseSampler":
    """What asks for the trial `number` of a study.

    Args:
        name: The sampler's, as in `sweep.name`.
        seed: Fixes the points of the whole study.
        number: The trial's in the study.
        setting: Counts the settings that are drawn by themselves, from 1; 0: those that are drawn together.
    """
    from optuna import samplers

    of_trial = int(np.random.SeedSequence([seed, number, setting]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that `group` may change in later releases
        if name == "tpe":
            # In groups, so that settings of single choices are drawn with those that they always stand beside.
            return samplers.TPESampler(seed=of_trial, group=True)
        if name == "gp":
            return samplers.GPSampler(seed=of_trial, warn_independent_sampling=False)
        if name == "nsga2":
            return samplers.NSGAIISampler(seed=of_trial, population_size=_POPULATION)
        if name == "cmaes":
            return samplers.CmaEsSampler(seed=of_trial, warn_independent_sampling=False)
        if name == "qmc":
            # The study counts the points of its one sequence; what that leaves out is drawn by the trial's seed.
            return samplers.QMCSampler(
                scramble=True,
                seed=seed,
                independent_sampler=samplers.RandomSampler(seed=of_trial),
                warn_independent_sampling=False,
            )
        return samplers.RandomSampler(seed=of_trial)
