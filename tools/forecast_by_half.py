"""Does half of the photos forecast what all of them come to?

python tools/forecast_by_half.py RUN [--splits 10] [--draws 5]

RUN is a run with cv=5 whose features are in the store. For each split half of the groups of each class are drawn, and
the run's method is fitted on growing parts of these alone, by folds of their own. Printed is for each figure how often
what the run came to with all photos lies within the interval that the half forecasts for twice as many.
"""

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.features.stored import stored_only
from thawline.fitting.fit import FitOptions
from thawline.fitting.folds import Fold, plan_folds
from thawline.fitting.growing import fit_whole, grow, sizes_for
from thawline.fitting.problem import Problem
from thawline.judging.growth import Growth
from thawline.runs.directory import read_config
from thawline.runs.finished import finished_run
from thawline.targets.growth import Figure, growth_of
from thawline.targets.predicted import judge_said
from thawline.tasks.capabilities import task_reader
from thawline.tasks.planning import how_to_fit
from thawline.tasks.settings import saved_settings


def half_of(problem: Problem, seed: int) -> NDArray[np.int64]:
    """Half of the groups of each class, as indices of their samples; a group counts for its first sample's class."""
    random = np.random.default_rng(seed)
    groups, first = np.unique(problem.groups, return_index=True)
    own = problem.labels[first]
    kept = [random.permutation(groups[own == k])[: (own == k).sum() // 2] for k in range(len(problem.classes))]
    return np.flatnonzero(np.isin(problem.groups, np.concatenate(kept)))


def growth_of_half(problem: Problem, how: FitOptions, folds: int, seed: int, draws: int) -> dict[Figure, Growth]:
    """How the figures grow within half of the samples."""
    half = half_of(problem, seed)
    labels, groups = problem.labels[half], problem.groups[half]
    parts = plan_folds(labels, groups, None, cv=folds, share=0.2, seed=seed, classes=problem.classes)
    plan = [Fold(fold.name, half[fold.train], None, half[fold.test]) for fold in parts]
    how = replace(how, seed=seed)
    grown = grow(problem, plan, how, sizes_for(problem, plan), draws)
    whole = fit_whole(problem, plan, how)
    judged = judge_said(whole, ranking=False).to_json()
    return growth_of([*(one.size for one in grown), 1.0], [*(one.said for one in grown), [whole]], judged, seed)


def main() -> None:
    """Print a line for each split and for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    settings = saved_settings(read_config(given.run))
    with stored_only():
        problem = task_reader(settings.task)(settings, torch.device("cpu"))
    _, facts = finished_run(given.run)
    how = how_to_fit(settings, given.run, torch.device("cpu"), None)
    held, widths, errors = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(given.splits):
        for (figure, label), growth in growth_of_half(problem, how, settings.cv or 5, seed, given.draws).items():
            judged = facts["judged"] if label is None else facts["judged"]["per_class"][label]
            came, told = judged[figure]["value"], growth.forecast(2.0)
            held[figure].append(told.low <= came <= told.high)
            widths[figure].append(told.high - told.low)
            errors[figure].append(abs(told.value - came))
            if figure == "accuracy":
                print(
                    f"split {seed}: {growth.whole.value:.1%} by half, forecast {told.value:.1%} [{told.low:.1%}, "
                    f"{told.high:.1%}], came to {came:.1%}",
                    flush=True,
                )
    for figure, those in held.items():
        wide, off = np.mean(widths[figure]), np.mean(errors[figure])
        print(f"{figure}: within in {sum(those)} of {len(those)}; interval {wide:.1%} wide, forecast {off:.1%} off")


if __name__ == "__main__":
    main()
