"""New photos of known classes, for a bundle to be judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.photos.collection import Collection
from thawline.data.photos.report import data_report
from thawline.data.photos.scored import list_scored
from thawline.data.settings import DataSettings
from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.tasks.bundle.labelled import FOLD, Answers
from thawline.tasks.photos.bundle.abstaining import examine_answered
from thawline.tasks.photos.bundle.photos import Bundle
from thawline.tasks.photos.facts import photo_facts
from thawline.tasks.photos.related import related_photos
from thawline.tasks.photos.scored import ScoredPhotos, score_photos
from thawline.tasks.photos.tagged import TaggedPhotos
from thawline.tasks.tags.told import tag_figures


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos of known classes; see `tasks.bundle.labelled.Labelled`.

    Attributes:
        store: The folder of the feature store.
        untold: Sentences on what `related_to` could not tell.
        unknown: Names of the photos that were asked about and are `unknown` to the bundle, with the reason.
    """

    bundle: Bundle
    collection: Collection
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    store: Path
    untold: list[str] = field(default_factory=list, init=False)
    unknown: dict[str, str] = field(default_factory=dict, init=False)

    @property
    def true(self) -> NDArray[np.bool_] | None:
        """None: each photo has one class."""
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each photo, relative to the folder."""
        return self.collection.names

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each photo, [N]."""
        return self.collection.grouping.ids

    def report(self) -> dict[str, Any]:
        """What the folder holds, as plain JSON."""
        return self._with_notes(data_report(self.collection))

    def _with_notes(self, report: dict[str, Any]) -> dict[str, Any]:
        """The report, with what the bundle says of itself among its warnings."""
        return {**report, "warnings": [*report["warnings"], *self.bundle.notes]}

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the photos that are in one group with a photo of `rows`."""
        related = related_photos(self.collection, rows, self.store)
        self.untold.extend(filter(None, [related.untold]))
        return related.indices

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the photos `indices`."""
        probabilities = np.zeros((len(indices), len(self.classes)), dtype=np.float32)
        problems = {}
        photos = (self.collection.photos[i].path for i in indices)
        for i, said in enumerate(self.bundle.predict(photos, calibrated=True)):
            if said.problem is not None:
                problems[i] = said.problem
            else:
                probabilities[i] = [said.probabilities[name] for name in self.classes]
                if said.why is not None:
                    self.unknown[self.names[indices[i]]] = said.why
        return Answers(probabilities, problems)

    def examine(self, predictions: Predictions) -> dict[str, Any] | None:
        """Of a bundle that does not always answer: how much it answers, and how much of that is wrong."""
        return examine_answered(self.bundle, predictions, self.unknown)


@dataclass(frozen=True, kw_only=True)
class LabelledTags(LabelledPhotos):
    """New photos that can have several labels; see `tasks.bundle.labelled.Labelled`.

    Attributes:
        tagged: The labels, and which photo has which.
    """

    tagged: TaggedPhotos

    @property
    def true(self) -> NDArray[np.bool_]:
        """Which labels each photo has, [N, labels]."""
        return self.tagged.true

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        return self._with_notes(self.tagged.report())

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the photos `indices`."""
        answers = super().ask(indices)
        assert self.bundle.thresholds is not None  # noqa: S101  # it tells labels
        # In double precision, as the run decides.
        edges = np.array([self.bundle.thresholds[name] for name in self.classes])
        return Answers(answers.probabilities, answers.problems, said=answers.probabilities.astype(np.float64) >= edges)

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """F1 and average precision over the labels and of each, and thresholds."""
        return {**tag_figures(predictions), THRESHOLDS: {FOLD: self.bundle.thresholds}, "not_trained_on": {}}


@dataclass(frozen=True, kw_only=True)
class LabelledScores(LabelledPhotos):
    """New photos whose scores are known; see `tasks.bundle.labelled.Labelled`.

    Attributes:
        scored: The photos and their scores.
    """

    scored: ScoredPhotos

    def report(self) -> dict[str, Any]:
        """What the table holds, as plain JSON."""
        return self._with_notes(self.scored.report())

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the photos `indices`."""
        said = list(self.bundle.predict(self.collection.photos[i].path for i in indices))
        problems = {i: one.problem for i, one in enumerate(said) if one.problem is not None}
        scores = np.array([np.nan if one.score is None else one.score for one in said])
        nothing = np.zeros((len(indices), 0), dtype=np.float32)
        return Answers(nothing, problems, scores=(self.scored.told.scores[indices], scores))

    def examine(self, predictions: Predictions) -> dict[str, Any] | None:  # there is nothing besides
        """None."""
        return None


def label_scored(bundle: Bundle, data: DataSettings, store: Path) -> LabelledScores:
    """Read the photos of the table of `data`; see `tasks.bundle.labelled.Labeller`."""
    listing = list_scored(Path(data.path))
    scored = score_photos(listing, photo_facts(listing, data, store))
    return LabelledScores(bundle, scored.collection, (), scored.collection.labels, store, scored=scored)
