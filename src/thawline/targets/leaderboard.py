"""The trials of a sweep in order of their inner scores, and which of them is judged on the outer data.

A sweep chooses, so what it chose by can't be what it reports. Each trial is scored on inner samples alone. In each cell
(a seed and a fold: one split of the data) the setting with the best inner score of that very cell is chosen, and judged
on the cell's outer samples: with several folds this is nested cross-validation (Varma and Simon 2006, BMC
Bioinformatics 7:91), whose estimate no choice has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thawline.errors import UserError
from thawline.judging.metrics import Judgement
from thawline.judging.paired import PairedTest
from thawline.runs.predictions import Predictions, join_predictions
from thawline.runs.sweep import Trial
from thawline.targets.predicted import compare_baseline, compare_said, judge_said

Cell = tuple[int, str]


@dataclass(frozen=True)
class Scored:
    """What one trial said of the inner samples.

    Attributes:
        number: The trial's.
        setting: What the sweep varied, in words, without the seed.
        seed: The trial's seed.
        inner: Its predictions, each with the fold whose inner sample it is.
        baseline: The baseline's name.
        seconds: Its wall time.
        computed: Features that it computed.
        read: Features that it read from the store.
        cost: How much of the network trains, and the bytes of the tail: of two settings the one with the least is the
            simplest. What was measured, such as seconds, is not among it: the same sweep is to choose the same.
    """

    number: int
    setting: str
    seed: int
    inner: Predictions
    baseline: str
    seconds: float
    computed: int
    read: int
    cost: tuple[float, int]


@dataclass(frozen=True)
class Row:
    """One setting: all its seeds and folds.

    Attributes:
        setting: What the sweep varied, in words.
        trials: Their numbers.
        judgement: Of the inner samples of all cells.
        against_best: Its test against the best setting on the same inner samples; None for the best itself, and where
            the two have no sample in common.
        against_baseline: Its test against its baseline.
        seconds: Wall time of its trials.
        computed: Features that they computed.
        read: Features that they read from the store.
        cost: That of its trials, see `Scored`.
    """

    setting: str
    trials: tuple[int, ...]
    judgement: Judgement
    against_best: PairedTest | None
    against_baseline: PairedTest
    seconds: float
    computed: int
    read: int
    cost: tuple[float, int]

    @property
    def is_alike(self) -> bool:
        """Whether it can't be told apart from the best setting, or is that."""
        return self.against_best is None or not self.against_best.differs

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        best = self.against_best
        return {
            "setting": self.setting,
            "trials": list(self.trials),
            "headline": self.judgement.headline,
            **{name: each.to_json() for name, each in self.judgement.figures() if each is not None},
            "against_best": None if best is None else best.to_json(),
            "against_baseline": self.against_baseline.to_json(),
            "seconds": round(self.seconds, 2),
            "features": {"computed": self.computed, "read": self.read},
        }


def score(trial: Trial, setting: str) -> Scored:
    """What a finished trial said of its inner samples; `setting` is what the sweep varied, in words."""
    facts, features = trial.facts, trial.facts["features"]
    return Scored(
        trial.number,
        setting,
        facts["seed"],
        trial.inner(),
        facts["baseline"],
        facts["seconds"],
        features["computed"],
        features["read"],
        # A trial of an earlier version does not say how large its tail is: nobody knows that it is the smallest.
        (_depth(facts["thaw"]), facts.get("tail_bytes", math.inf)),
    )


def _depth(thaw: int | str) -> float:
    """How much of a network trains, as a number to compare."""
    return {"head": 0.0, "projection": 1.0, "all": math.inf}[thaw] if isinstance(thaw, str) else 1.0 + thaw


def rank(trials: Sequence[Scored]) -> list[Row]:
    """A row for each setting, the best inner score first; equal ones by their log-loss."""
    settings = dict.fromkeys(trial.setting for trial in trials)
    of = {name: [trial for trial in trials if trial.setting == name] for name in settings}
    pooled = {name: _pool(mine) for name, mine in of.items()}
    judged = {name: judge_said(predictions) for name, predictions in pooled.items()}
    order = sorted(settings, key=lambda name: judged[name].merit, reverse=True)
    best = order[0]
    return [
        Row(
            setting=name,
            trials=tuple(trial.number for trial in of[name]),
            judgement=judged[name],
            against_best=None if name == best else _test(pooled[name], pooled[best], (name, best)),
            against_baseline=compare_baseline(pooled[name], name, of[name][0].baseline),
            seconds=sum(trial.seconds for trial in of[name]),
            computed=sum(trial.computed for trial in of[name]),
            read=sum(trial.read for trial in of[name]),
            cost=max(trial.cost for trial in of[name]),
        )
        for name in order
    ]


def pick(rows: Sequence[Row], *, simplest: bool) -> Row:
    """The setting that a sweep comes to: the first, or the one of the least cost that can't be told apart from it.

    Of equal costs it is that with the best inner score. Rows that have no sample in common with the first are left out.
    """
    alike = [row for row in rows[1:] if row.against_best is not None and row.is_alike] if simplest else []
    return min([rows[0], *alike], key=lambda row: row.cost)


def beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether `one` is nowhere greater than `other`, and somewhere less: both are what is to be small."""
    return list(one) != list(other) and all(a <= b for a, b in zip(one, other, strict=True))


def choose(trials: Sequence[Scored], *, simplest: bool = False) -> dict[Cell, int]:
    """The number of the trial that each cell takes, by that cell's inner samples alone; the first of equals.

    Args:
        trials: Those that finished.
        simplest: Whether that of the least cost is taken among those that can't be told apart from the best; otherwise
            it is the best.

    Raises:
        UserError: Trials of one cell were scored on different samples.
    """
    merits: dict[Cell, dict[int, tuple[float, float]]] = {}
    samples: dict[Cell, tuple[int, tuple[str, ...]]] = {}
    said: dict[Cell, dict[int, Predictions]] = {}
    for trial in trials:
        for fold in dict.fromkeys(trial.inner.folds):
            cell, inner = (trial.seed, fold), _of_fold(trial.inner, fold)
            merits.setdefault(cell, {})[trial.number] = judge_said(inner, ranking=False).merit
            said.setdefault(cell, {})[trial.number] = inner
            first, paths = samples.setdefault(cell, (trial.number, inner.paths))
            if paths != inner.paths:
                raise UserError(
                    f"trials {first} and {trial.number} were scored on different samples, so neither can be chosen; "
                    "sweep over settings that leave the split as it is"
                )
    best_first = {cell: sorted(sorted(mine), key=mine.__getitem__, reverse=True) for cell, mine in merits.items()}
    if not simplest:
        return {cell: numbers[0] for cell, numbers in sorted(best_first.items())}
    cost = {trial.number: trial.cost for trial in trials}
    return {
        cell: min((n for n in numbers if _are_alike(said[cell][n], said[cell][numbers[0]])), key=cost.__getitem__)
        for cell, numbers in sorted(best_first.items())
    }


def _are_alike(mine: Predictions, best: Predictions) -> bool:
    """Whether what was said of the same samples can't be told apart."""
    if mine is best:
        return True
    test = _test(mine, best, ("this", "the best"))
    return test is not None and not test.differs


def _pool(trials: Sequence[Scored]) -> Predictions:
    """The inner predictions of all seeds of a setting as one; the cell stands where the fold did."""
    return join_predictions(
        [replace(t.inner, folds=tuple(f"seed{t.seed}/{fold}" for fold in t.inner.folds)) for t in trials]
    )


def _of_fold(predictions: Predictions, fold: str) -> Predictions:
    return predictions.subset(np.flatnonzero(np.array(predictions.folds) == fold))


def _test(mine: Predictions, other: Predictions, names: tuple[str, str]) -> PairedTest | None:
    """The paired test over the samples that both have; a trial that failed leaves gaps."""
    here, there = _places(mine), _places(other)
    common = [place for place in here if place in there]
    if not common or mine.classes != other.classes:
        return None
    a = mine.subset(np.array([here[place] for place in common]))
    b = other.subset(np.array([there[place] for place in common]))
    return compare_said(a, b, *names)


def _places(predictions: Predictions) -> Mapping[tuple[str, str], int]:
    return {place: i for i, place in enumerate(zip(predictions.folds, predictions.paths, strict=True))}
