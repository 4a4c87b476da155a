"""New tagged photos that a bundle of tags is judged by."""

from pathlib import Path
from typing import Any

from thawline.runs.predictions import Predictions
from thawline.tasks.library.examination import examine_ranking
from thawline.tasks.library.settings import LibrarySettings
from thawline.tasks.library.tagged import mark, read_library
from thawline.tasks.photos.bundle.labelled import LabelledTags
from thawline.tasks.photos.bundle.photos import Bundle
from thawline.tasks.photos.facts import photo_facts


class LabelledEntries(LabelledTags):
    """New photos with tags; see `tasks.bundle.labelled.Labelled`."""

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """How good the suggestions are, besides what is said of any labels."""
        return {**super().examine(predictions), **examine_ranking(predictions)}


def label_library(bundle: Bundle, data: LibrarySettings, store: Path) -> LabelledEntries:
    """Read the entries of `data` and their photos; see `tasks.bundle.labelled.Labeller`."""
    library = read_library(data)
    tagged = mark(library, photo_facts(library.listing, data, store), known=bundle.labels)
    return LabelledEntries(bundle, tagged.collection, bundle.labels, tagged.strata, store, tagged=tagged)
