"""Which photos of a collection belong with those of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thawline.data.listing import Listed
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts
from thawline.features.files import FileIndex
from thawline.features.kinds import PHOTOS
from thawline.runs.split import SplitRow


@dataclass(frozen=True)
class Related:
    """What of a collection belongs with the photos of a run.

    Attributes:
        indices: The photos of the collection that are in one group with one of these.
        untold: A sentence where some that are a part of one of these can't be told; "" where all can.
    """

    indices: NDArray[np.int64]
    untold: str


def related_photos(collection: Collection, rows: Sequence[SplitRow], store: Path) -> Related:
    """Photos of `collection` that are in one group with a photo of `rows`.

    A run and a bundle keep hashes. What a photo's parts are known by is far larger, and a picture of it, so that is
    taken from the feature store in `store`, as far as that has read these photos.
    """
    digests = {row.digest for row in rows}
    known = FileIndex(store, PHOTOS, read_only=True).facts_of(digests)
    sketches = {digest: fact.sketch for digest, fact in known.items()}
    root = collection.root
    others = [Listed(root / row.path, row.path, row.label, folder="", side=None) for row in rows]
    facts = [PhotoFacts(row.digest, phash=row.phash or None, sketch=sketches.get(row.digest)) for row in rows]
    # The others come first, since of equal photos each is linked to the first.
    ids = find_groups([*others, *collection.photos], [*facts, *collection.facts]).ids
    indices = np.flatnonzero(np.isin(ids[len(rows) :], ids[: len(rows)])).astype(np.int64)
    lacking = len(digests) - len(known)
    untold = (
        f"Of {lacking} of the {len(digests)} photos that were trained on the feature store knows no parts, since it "
        "never read them: crops and framed copies of these may be among those that are judged."
    )
    return Related(indices, untold if lacking else "")
