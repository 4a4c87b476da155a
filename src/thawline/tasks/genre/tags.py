"""The genre task with several labels a track, such as its instruments: each label is told by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import Fit
from thawline.fitting.tail import Tail, predict
from thawline.runs.predictions import Predictions, Tags
from thawline.runs.split import SplitRow
from thawline.targets.predicted import compare_baseline, judge_said
from thawline.targets.tags import examine_tags, most_usual
from thawline.targets.target import MOST_USUAL
from thawline.tasks.genre.labels import Marked
from thawline.tasks.genre.problem import GenreProblem
from thawline.tasks.genre.tables.instruments import THRESHOLD, fit_thresholds

THRESHOLDS = "thresholds"  # of each label, in chosen.json and decision.json


def tag_figures(p: Predictions) -> dict[str, Any]:
    """F1 and average precision over the labels of `p` and of each, beside the base rates, as plain JSON."""
    assert p.tags is not None  # noqa: S101  # the caller says so
    test = compare_baseline(p, "what was said", "the most usual")
    return examine_tags(judge_said(p), test, p.tags, p.groups)


@dataclass(frozen=True)
class TagsProblem(GenreProblem):
    """Tracks that can have several labels. `labels` are the strata of the split.

    Attributes:
        marked: The labels, and which track has which.
    """

    marked: Marked

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        return MOST_USUAL

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The windows of the tracks `indices`; targets number the sets of labels."""
        samples = super().samples(indices)
        assert samples.owners is not None  # noqa: S101  # windows are parts of tracks
        return replace(samples, targets=self._numbered[1][indices][samples.owners])

    def tail(self) -> Tail:
        """A fresh tail as the method wants it, each of whose logits is of one label by itself."""
        tail = super().tail()
        return Tail(tail.stages, tail.head, several=True)

    def reference(self, fold: Fold) -> NDArray[np.int64]:
        """The label that most tracks have of those that are trained on."""
        return np.full(len(fold.test), int(self._shares(fold).argmax()), dtype=np.int64)

    def settle(self, fit: Fit, inner: FeatureSet | None, earlier: Sequence[Fit]) -> Fit:
        """`fit` with a threshold for each label: the best for its F1 on inner tracks, or the median of the folds'."""
        fit = super().settle(fit, inner, earlier)
        values = np.full(len(self.classes), THRESHOLD)
        if inner is not None:
            assert inner.owners is not None  # noqa: S101  # windows are parts of tracks
            tail = self.tail()
            tail.load_state_dict(fit.state)
            first = np.unique(inner.owners, return_index=True)[1]
            values = fit_thresholds(self._numbered[0][inner.targets[first]], predict(tail, inner))
        elif earlier:
            values = np.median([[one.chosen[THRESHOLDS][name] for name in self.classes] for one in earlier], axis=0)
        return replace(fit, chosen={**fit.chosen, THRESHOLDS: dict(zip(self.classes, values.tolist(), strict=True))})

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: Fit) -> Tags:
        """The labels of the tracks that `fold` holds out, those that reach their thresholds, and the most usual."""
        thresholds = np.array([fit.chosen[THRESHOLDS][name] for name in self.classes])
        usual = most_usual(self._shares(fold))
        true = self.marked.true[fold.test]
        # In double precision: rounded to single, a threshold could fall on the score below it.
        return Tags(true, probabilities.astype(np.float64) >= thresholds, np.broadcast_to(usual, true.shape).copy())

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; tracks are counted under each of their labels."""
        self._say_of_themes()
        return self.marked.report()

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each track's place in the run; its label is that by which it was dealt out."""
        rows = super().split_rows(plan)
        return [replace(row, label=self.classes[label]) for row, label in zip(rows, self.labels, strict=True)]

    @property
    def sets(self) -> NDArray[np.bool_]:
        """The sets of labels that there are, [sets, labels], which targets number."""
        return self._numbered[0]

    @cached_property
    def _numbered(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """The sets of labels that there are, [sets, labels], and the set of each track, [N]."""
        sets, numbers = np.unique(self.marked.true, axis=0, return_inverse=True)
        return sets, numbers.reshape(-1).astype(np.int64)

    def _shares(self, fold: Fold) -> NDArray[np.float64]:
        """The share of the tracks of `fold` that have each label, [labels].

        Of those that are judged where none are trained on: no other labels do better on these.
        """
        shares: NDArray[np.float64] = self.marked.true[fold.train if len(fold.train) else fold.test].mean(axis=0)
        return shares

    def absent(self, fold: Fold) -> list[str]:
        """The labels that no track has that `fold` trains on."""
        return [self.classes[i] for i in np.flatnonzero(self.marked.true[fold.train].sum(axis=0) == 0)]


def examine_genre(
    problem: GenreProblem,
    judged: Sequence[tuple[Fold, Fit]],
    predictions: Predictions,
    device: torch.device,  # noqa: ARG001  # nothing is computed by a model
) -> dict[str, Any] | None:
    """Of several labels a track: F1 and average precision over them and of each, thresholds, labels not learnt."""
    if not isinstance(problem, TagsProblem) or predictions.tags is None:
        return None
    absent = {fold.name: problem.absent(fold) for fold, _ in judged}
    return {
        **tag_figures(predictions),
        THRESHOLDS: {fold.name: fit.chosen[THRESHOLDS] for fold, fit in judged},
        "not_trained_on": {name: labels for name, labels in absent.items() if labels},
    }
