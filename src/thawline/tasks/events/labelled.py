"""New photos in folders of classes, or in a table, for a bundle to be judged by."""

from dataclasses import replace
from pathlib import Path

from thawline.data.photos.collection import build_collection
from thawline.data.settings import DataSettings
from thawline.tasks.classes import number_classes
from thawline.tasks.events.listed import list_events
from thawline.tasks.photos.bundle.labelled import LabelledPhotos, LabelledTags, label_scored
from thawline.tasks.photos.bundle.photos import Bundle, ScoreBundle
from thawline.tasks.photos.facts import photo_facts
from thawline.tasks.photos.tagged import mark_photos


def label_events(bundle: Bundle, data: DataSettings, store: Path) -> LabelledPhotos:
    """Read the photos of `data`; see `tasks.bundle.labelled.Labeller`."""
    if isinstance(bundle, ScoreBundle):
        return label_scored(bundle, data, store)
    data = replace(data, rename=bundle.renamed, labels="one" if bundle.thresholds is None else "several")
    listing = list_events(data, new=True)
    if data.several_labels:
        tagged = mark_photos(listing, photo_facts(listing, data, store), known=bundle.labels)
        return LabelledTags(bundle, tagged.collection, bundle.labels, tagged.strata, store, tagged=tagged)
    collection = build_collection(listing, photo_facts(listing, data, store))
    return LabelledPhotos(bundle, collection, *number_classes(collection, bundle.labels), store)
