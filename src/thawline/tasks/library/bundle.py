"""New tagged photos that a bundle of tags is judged by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.runs.predictions import Predictions
from thawline.tasks.labelled import FOLD, Answers
from thawline.tasks.library.examination import examine_tags_of
from thawline.tasks.library.settings import LibrarySettings
from thawline.tasks.library.tagged import TaggedPhotos, mark, read_library
from thawline.tasks.photos.bundle import Bundle
from thawline.tasks.photos.labelled import LabelledPhotos
from thawline.tasks.photos.line import photo_facts


@dataclass(frozen=True, kw_only=True)
class LabelledTags(LabelledPhotos):
    """New photos with tags; see `tasks.labelled.Labelled`.

    Attributes:
        tagged: The tags, and which photo has which.
    """

    tagged: TaggedPhotos

    @property
    def true(self) -> NDArray[np.bool_]:
        """Which tags each photo has, [N, tags]."""
        return self.tagged.true

    def report(self) -> dict[str, Any]:
        """What the library holds, as plain JSON."""
        return self.tagged.report()

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the photos `indices`."""
        answers = super().ask(indices)
        assert self.bundle.thresholds is not None  # noqa: S101  # it tells tags
        # In double precision, as the run decides.
        edges = np.array([self.bundle.thresholds[name] for name in self.classes])
        return Answers(answers.probabilities, answers.problems, said=answers.probabilities.astype(np.float64) >= edges)

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """How good the suggestions are, and the thresholds."""
        return {**examine_tags_of(predictions), THRESHOLDS: {FOLD: self.bundle.thresholds}, "not_trained_on": {}}


def label_library(bundle: Bundle, data: LibrarySettings, store: Path) -> LabelledTags:
    """Read the entries of `data` and their photos; see `tasks.labelled.Labeller`."""
    library = read_library(data)
    tagged = mark(library, photo_facts(library.listing, data, store), known=bundle.labels)
    return LabelledTags(bundle, tagged.collection, bundle.labels, tagged.strata, tagged=tagged)
