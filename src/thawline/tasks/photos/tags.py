"""Photos that can have several labels, at the thaw line, and a tail that tells each label by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import Tail
from thawline.runs.predictions import Predictions, Tags
from thawline.targets.target import MOST_USUAL
from thawline.tasks.photos import confusion
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.tagged import TaggedPhotos


@dataclass(frozen=True)
class TaggedProblem(PhotosProblem):
    """Photos that can have several labels. `labels` are the strata of the split.

    Attributes:
        tagged: The labels, and which photo has which.
    """

    tagged: TaggedPhotos

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        return MOST_USUAL

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The photos `indices`; targets number the sets of labels."""
        return self.tagged.numbered(super().samples(indices), indices)

    def tail(self) -> Tail:
        """A fresh tail as the method wants it, each of whose logits is of one label by itself."""
        tail = super().tail()
        return Tail(tail.stages, tail.head, sets=self.tagged.sets)

    def zero_shot(self, fit: FittedTail) -> Tail | None:
        """None: what prompts tell apart are classes."""
        return None

    def reference(self, fold: Fold) -> NDArray[np.int64]:
        """The label that most photos have of those that are trained on."""
        return self.tagged.most_frequent(fold)

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with a threshold for each label."""
        return self.tagged.settle(fit, self.tail, inner, earlier)

    def tags(self, fold: Fold, probabilities: NDArray[np.float32], fit: FittedTail) -> Tags:
        """The labels of the photos that `fold` holds out, those that reach their thresholds, and the most usual."""
        return self.tagged.tags(fold, probabilities, fit)

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        return self.tagged.report()


def examine_photos(
    problem: PhotosProblem,
    judged: Sequence[tuple[Fold, FittedTail]],
    predictions: Predictions,
    device: torch.device,
) -> dict[str, Any] | None:
    """Of several labels a photo: F1 and average precision over them and of each, thresholds, labels not learnt.

    Of one class what `confusion.examine_photos` says.
    """
    if isinstance(problem, TaggedProblem):
        return problem.tagged.examine(judged, predictions)
    return confusion.examine_photos(problem, judged, predictions, device)
