"""Which photos of a collection belong with those of a run."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thawline.data.listing import Listed
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts
from thawline.runs.split import SplitRow


def related_photos(collection: Collection, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
    """Indices of the photos of `collection` that are in one group with a photo of `rows`."""
    root = collection.root
    others = [Listed(root / row.path, row.path, row.label, folder="", side=None) for row in rows]
    facts = [PhotoFacts(row.digest, phash=row.phash or None) for row in rows]
    # The others come first, since of equal photos each is linked to the first.
    ids = find_groups([*others, *collection.photos], [*facts, *collection.facts]).ids
    return np.flatnonzero(np.isin(ids[len(rows) :], ids[: len(rows)])).astype(np.int64)
