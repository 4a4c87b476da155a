"""The genre task with several labels a track, such as its instruments: each label is told by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import Tail
from thawline.runs.predictions import Predictions, Tags
from thawline.runs.split import SplitRow
from thawline.targets.target import MOST_USUAL
from thawline.tasks.genre.labels import Marked
from thawline.tasks.genre.problem import GenreProblem


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
        return self.marked.numbered(super().samples(indices), indices)

    def tail(self) -> Tail:
        """A fresh tail as the method wants it, each of whose logits is of one label by itself."""
        tail = super().tail()
        return Tail(tail.stages, tail.head, sets=self.marked.sets)

    def reference(self, fold: Fold) -> NDArray[np.int64]:
        """The label that most tracks have of those that are trained on."""
        return self.marked.most_frequent(fold)

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with a threshold for each label."""
        return self.marked.settle(super().settle(fit, inner, earlier), self.tail, inner, earlier)

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> Tags:
        """The labels of the tracks that `fold` holds out, those that reach their thresholds, and the most usual."""
        return self.marked.tags(fold, probabilities, fit)

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; tracks are counted under each of their labels."""
        self._say_of_themes()
        return self.marked.report()

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each track's place in the run; its label is that by which it was dealt out."""
        rows = super().split_rows(plan)
        return [replace(row, label=self.classes[label]) for row, label in zip(rows, self.labels, strict=True)]


def examine_genre(
    problem: GenreProblem,
    judged: Sequence[tuple[Fold, FittedTail]],
    predictions: Predictions,
    device: torch.device,  # noqa: ARG001  # nothing is computed by a model
) -> dict[str, Any] | None:
    """Of several labels a track: F1 and average precision over them and of each, thresholds, labels not learnt."""
    if not isinstance(problem, TagsProblem) or predictions.tags is None:
        return None
    return problem.marked.examine(judged, predictions)
