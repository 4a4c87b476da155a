"""Trials fitted together against each of them fitted alone by Lightning: what they say of the inner samples.

python tools/compare_packed.py --trials 64 --folds 5

Each kind of head has `--trials` settings drawn from a seed, on the sample photos or the sample pairs, times the folds.
Predictions must lie within 1e-5 and best epochs agree; exit status 1 where they don't.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thawline.commands.app import settings_of
from thawline.errors import RunError
from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.packed.fit import Job, Outcome, fit_together
from thawline.fitting.packed.members import Trained
from thawline.fitting.predict import predict_fold
from thawline.samples.events import make_events
from thawline.samples.pairs import make_pairs
from thawline.tasks.capabilities import task_reader
from thawline.tasks.planning import how_to_fit, plan_run

WITHIN = 1e-5
CPU = torch.device("cpu")
# The words of each kind, and what its trials differ in: powers of ten, or shares.
KINDS: dict[str, tuple[tuple[str, ...], dict[str, tuple[float, float]]]] = {
    "linear": (("method=linear",), {"label_smoothing": (0, 0.3)}),
    "mlp": (("method=mlp",), {"dropout": (0, 0.5)}),
    "projection": (("method=projection",), {"penalty": (0, 0.5)}),
    "pairs": (("task=match", "method=pairs"), {"penalty": (0, 0.5)}),
}


@dataclass(frozen=True)
class Compared:
    """What came of one kind of head.

    Attributes:
        fits: How many were fitted both ways.
        diverged: How many of them did, both times with the same words.
        difference: The largest between two probabilities.
        same_bits: How many have the same tail to the bit.
        others: What must not be: fits that failed one way only, or chose another epoch.
        together: Processor seconds of all, fitted together.
        alone: The same, one after another.
    """

    fits: int
    diverged: int
    difference: float
    same_bits: int
    others: tuple[str, ...]
    together: float
    alone: float

    @property
    def is_equal(self) -> bool:
        """Whether both ways came to the same."""
        return not self.others and self.difference <= WITHIN


def compare(kind: str, data: Path, place: Path, *, trials: int, folds: int, fitted: int, epochs: int) -> Compared:
    """Fit drawn trials of a kind of head both ways.

    Args:
        kind: One of `KINDS`.
        data: The sample photos, or the table of the sample pairs.
        place: Where the features and the fits go.
        trials: How many.
        folds: Of the cross-validation.
        fitted: So many of them are fitted.
        epochs: At most.
    """
    words, drawn = KINDS[kind]
    shared = ("encoder=tiny_clip", "trainer=cpu", "logger=csv", f"store.dir='{place / 'store'}'", f"cv={folds}")
    first = settings_of("train", [f"data.path='{data}'", *shared, *words, f"method.epochs={epochs}"])
    read: Any = task_reader(first.task)(first, CPU)
    jobs = []
    for number, (seed, method) in enumerate(_draw(drawn, trials)):
        settings = replace(first, seed=seed, method=replace(first.method, **method))
        problem = replace(read, settings=settings)
        how = how_to_fit(settings, place / kind / str(number), CPU, None)
        jobs += [Job(problem, fold, how) for fold in plan_run(problem, settings)[:fitted]]
    began = time.process_time()
    together = fit_together(jobs)
    took = time.process_time() - began
    alone = [_alone(job) for job in jobs]
    return _compared(jobs, together, alone, took, time.process_time() - began - took)


def _draw(drawn: dict[str, tuple[float, float]], trials: int) -> list[tuple[int, dict[str, float]]]:
    """A seed and settings of the method for each trial; two trials in three share a seed."""
    random = np.random.default_rng(0)
    made = []
    for number in range(trials):
        method = {"lr": float(10 ** random.uniform(-4, -1)), "weight_decay": float(10 ** random.uniform(-4, 0))}
        method |= {key: float(random.uniform(*between)) for key, between in drawn.items()}
        made.append((0 if number % 3 else number, method))
    return made


def _alone(job: Job) -> FittedTail | RunError:
    try:
        return fit_fold(job.problem, job.fold, job.how)
    except RunError as error:
        return error


def _compared(
    jobs: Sequence[Job],
    together: Sequence[Outcome],
    alone: Sequence[FittedTail | RunError],
    took: float,
    seconds: float,
) -> Compared:
    others, differences, diverged, same = [], [0.0], 0, 0
    for job, one, two in zip(jobs, together, alone, strict=True):
        name = f"{job.how.run.name}/{job.fold.name}"
        if isinstance(one, Trained) and isinstance(two, FittedTail):
            if one.fit.chosen["epochs"] != two.chosen["epochs"]:
                others.append(f"{name}: epoch {one.fit.chosen['epochs']} together, {two.chosen['epochs']} alone")
            differences.append(float(np.abs(_inner(job, one.fit) - _inner(job, two)).max()))
            same += all(torch.equal(one.fit.state[key], tensor) for key, tensor in two.state.items())
        elif isinstance(one, RunError) and str(one) == str(two):
            diverged += 1
        else:
            others.append(f"{name}: {one} together, {two} alone")
    return Compared(len(jobs), diverged, max(differences), same, tuple(others), took, seconds)


def _inner(job: Job, fit: FittedTail) -> Any:
    fold: Fold = job.how.inner_fold(job.problem, job.fold)
    return predict_fold(job.problem, fold, fit, CPU).probabilities


def main() -> int:
    """Compare each kind and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--photos", type=int, default=84, help="photos of a class, of six")
    parser.add_argument("--pictures", type=int, default=200, help="pictures of the sample of pairs")
    given = parser.parse_args()
    equal = True
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for kind in given.kinds:
            data = place / "photos"
            if kind == "pairs":
                data = make_pairs(place / "pairs", pictures=given.pictures, seed=0).file
            elif not data.exists():
                make_events(data, photos_per_class=given.photos, seed=0)
            found = compare(
                kind, data, place, trials=given.trials, folds=given.folds, fitted=given.folds, epochs=given.epochs
            )
            equal &= found.is_equal
            print(json.dumps({"kind": kind, "equal": found.is_equal, **vars(found)}), flush=True)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
