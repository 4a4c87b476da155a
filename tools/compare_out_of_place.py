"""Set measures of how far a photo is from a run's classes beside each other, by the area under the ROC curve.

Each class of the run is held out once, and then the photos of other runs are the strangers. Measures are made of four
fifths of the photos of the other classes, by groups, and asked about the last fifth and the strangers. The runs must be
of one encoder with `thaw=head`; their features come from the store.

    python tools/compare_out_of_place.py RUN [--strangers RUN …] [--photos 50]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from thawline.data.splits import kfold
from thawline.decisions.out_of_place import Array, Surroundings
from thawline.fitting.tail import final_features
from thawline.judging.intervals import Estimate
from thawline.judging.ranking import roc_auc
from thawline.judging.wording import percent
from thawline.runs.directory import read_config
from thawline.tasks.capabilities import TaskProblem, task_reader
from thawline.tasks.settings import saved_settings

Distances = Callable[[Array], NDArray[np.float64]]
Ints = NDArray[np.int64]
FOLDS = 5


def sureness(features: Array, labels: Ints) -> Distances:
    """Less the largest probability of a logistic regression on standardised features."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.01, max_iter=200).fit((features - mean) / scale, labels)
    return lambda asked: -model.predict_proba((asked - mean) / scale).max(axis=1)


def nearest(features: Array, k: int) -> Distances:
    """To the k-th nearest unit features (Sun et al., Deep Nearest Neighbors, arXiv 2204.06507)."""
    units = features / np.linalg.norm(features, axis=1, keepdims=True)

    def distances(asked: Array) -> NDArray[np.float64]:
        cosines = asked / np.linalg.norm(asked, axis=1, keepdims=True) @ units.T
        return np.partition(-cosines.astype(np.float64), k - 1, axis=1)[:, k - 1]

    return distances


def mahalanobis(features: Array, labels: Ints) -> Distances:
    """To the nearest class, by the covariance within classes (Lee et al., arXiv 1807.03888)."""
    known = Surroundings.of(features, labels)

    def distances(asked: Array) -> NDArray[np.float64]:
        units = asked / np.linalg.norm(asked, axis=1, keepdims=True)
        far: NDArray[np.float64] = np.min([known.within.distances(units - mean) for mean in known.means], axis=0)
        return far

    return distances


MEASURES: dict[str, Callable[[Array, Ints], Distances]] = {
    "the largest probability": sureness,
    "nearest neighbour": lambda features, _: nearest(features, 1),
    "5th nearest neighbour": lambda features, _: nearest(features, 5),
    "Mahalanobis": mahalanobis,
    "relative Mahalanobis": lambda features, labels: Surroundings.of(features, labels).distances,
}


def read(run: Path) -> tuple[TaskProblem, Array]:
    """The photos of a run, and what enters the head for each, [N, dim]."""
    settings = saved_settings(read_config(run))
    problem = task_reader(settings.task)(settings, torch.device("cpu"))
    return problem, final_features(problem.tail().stages, problem.samples(np.arange(len(problem.names)))).numpy()


def area(
    measure: Callable[[Array, Ints], Distances],
    known: tuple[Array, Ints, Ints],
    strangers: tuple[Array, Ints],
    classes: Sequence[str],
) -> Estimate | None:
    """How often a stranger is farther than a photo of the classes."""
    features, labels, groups = known
    own, others = np.zeros(len(labels)), np.zeros(len(strangers[0]))
    fold = kfold(labels, groups, folds=FOLDS, seed=0, classes=classes)
    for test in (fold == number for number in range(FOLDS)):
        distances = measure(features[~test], labels[~test])
        own[test] = distances(features[test])
        others += distances(strangers[0]) / FOLDS
    strange = np.repeat([0, 1], [len(own), len(others)])
    apart = np.concatenate([groups, groups.max() + 1 + strangers[1]])
    return roc_auc(strange, np.concatenate([own, others]), apart)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--strangers", type=Path, nargs="*", default=[])
    parser.add_argument("--photos", type=int, help="of each class; left out: all")
    arguments = parser.parse_args()
    problem, features = read(arguments.run)
    labels, groups = problem.labels, problem.groups
    cases: dict[str, tuple[Ints, tuple[Array, Ints]]] = {}
    for number, name in enumerate(problem.classes):
        held = labels == number
        cases[name] = np.flatnonzero(~held), (features[held], groups[held])
    for path in arguments.strangers:
        other, found = read(path)
        cases[str(path)] = np.arange(len(labels)), (found, other.groups)
    draw = np.random.default_rng(0)
    for case, (kept, strangers) in cases.items():
        if arguments.photos is not None:
            each = [draw.permutation(kept[labels[kept] == number])[: arguments.photos] for number in set(labels[kept])]
            kept = np.sort(np.concatenate(each))
        known = features[kept], labels[kept], groups[kept]
        print(f"strangers: {case}, {len(strangers[0])} photos beside {len(kept)}")
        for name, measure in MEASURES.items():
            with threadpool_limits(1):
                share = area(measure, known, strangers, problem.classes)
            print(f"  {name:25} {percent(share)}", flush=True)


if __name__ == "__main__":
    main()
