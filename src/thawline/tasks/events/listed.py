"""Which photos a folder of classes holds, and which of them belong with those of a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.data.alike import join_photos
from thawline.data.listing import PLAIN, Listed, Listing, list_photos
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts
from thawline.data.settings import DataSettings
from thawline.features.progress import say
from thawline.runs.split import SplitRow
from thawline.tasks.task import refuse_table


def list_events(data: DataSettings) -> Listing:
    """The photos in the folder of `data`, before any is read.

    Raises:
        UserError: It is no folder of classes; where it is a table, the task that reads such is named.
    """
    refuse_table(Path(data.path))
    listing = list_photos(Path(data.path), None if data.join_alike else data.classes, layout=data.layout)
    if data.join_alike:
        listing = join_photos(listing, data.classes)
    if listing.layout != PLAIN:
        say(listing.layout)
    return listing


def related_photos(collection: Collection, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
    """Indices of the photos of `collection` that are in one group with a photo of `rows`."""
    root = collection.root
    others = [Listed(root / row.path, row.path, row.label, folder="", side=None) for row in rows]
    facts = [PhotoFacts(row.digest, phash=row.phash or None) for row in rows]
    # The others come first, since of equal photos each is linked to the first.
    ids = find_groups([*others, *collection.photos], [*facts, *collection.facts]).ids
    return np.flatnonzero(np.isin(ids[len(rows) :], ids[: len(rows)])).astype(np.int64)
