"""Photos that have a score, at the thaw line, and a tail that gives the score.

A task over such photos, in this package or in another, names these functions in its record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.photos.collection import Collection
from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods import FittedTail
from thawline.fitting.tail import Tail
from thawline.runs.predictions import Scores
from thawline.targets.target import TRAINING_MEAN
from thawline.tasks.capabilities import Filled
from thawline.tasks.photos.features import fill_photos
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.read import read_photos
from thawline.tasks.photos.scored import ScoredPhotos, listed, score_photos
from thawline.tasks.settings import RunSettings


@dataclass(frozen=True)
class ScoredProblem(PhotosProblem):
    """Photos that have a score. `labels` are the strata of the split, `classes` what these are called.

    Attributes:
        scored: The photos and their scores.
    """

    scored: ScoredPhotos

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        return TRAINING_MEAN

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The photos `indices`; targets number the scores."""
        return self.scored.told.numbered(super().samples(indices), indices)

    def tail(self) -> Tail:
        """A fresh tail as the method wants it, which gives a score."""
        return self.scored.told.with_levels(super().tail())

    def _head(self, hidden: int | None, dropout: float) -> DenseHead:
        return self.scored.told.head(self.encoder.dim, self.settings.method, hidden, dropout)

    def zero_shot(self, fit: FittedTail) -> Tail | None:
        """None: nothing is known of scores beforehand."""
        return None

    def scores(self, fold: Fold, said: NDArray[np.float32], usual: float | None) -> Scores | None:
        """The scores of the photos that `fold` holds out, what was said of them, and the mean."""
        return self.scored.told.judged(fold, said, usual)

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        return self.scored.report()


def read_scored(
    settings: RunSettings,
    device: torch.device,
    classes: Sequence[str] | None = None,  # noqa: ARG001  # what any task is given; of scores there are none
) -> ScoredProblem:
    """Read the table of `settings.data`, group the photos, and bring them to the thaw line; see `TaskReader`.

    Raises:
        UserError: The table, the encoder or the split can't be used.
    """
    listing, people = find_peopled(listed(settings), settings, device)
    scored = list[ScoredPhotos]()

    def collected(facts: Mapping[str, PhotoFacts]) -> Collection:
        scored.append(score_photos(listing, facts, settings.cv, people))
        return scored[-1].collection

    read = read_photos(settings, listing, device, None, collect=collected, texts=lambda _names: None)
    return ScoredProblem(**read, scored=scored[-1])


def fill_scored(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the photos' features for `runs`; see `tasks.capabilities.TaskFiller`."""
    listing, people = find_peopled(listed(runs[0]), runs[0], device)

    def describe(facts: Mapping[str, PhotoFacts]) -> dict[str, Any]:
        return score_photos(listing, facts, runs[0].cv, people).report()

    return fill_photos(runs, listing, device, refusals, describe)
