"""A file of pairs with what reading its images gave: what every verb on pairs begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thawline.data.pairs.graph import IntArray, image_ids, text_ids
from thawline.data.pairs.names import text_digest
from thawline.data.pairs.table import Pair, PairTable, listed_images, read_pairs, usable_pairs
from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.progress import say
from thawline.features.store.store import FeatureStore
from thawline.runs.split import SplitRow
from thawline.tasks.match.settings import PairsSettings


@dataclass(frozen=True)
class CheckedPairs:
    """Pairs whose images can be decoded.

    Attributes:
        table: The pairs, and what was found about the others.
        facts: By `Pair.image`.
        images: [pairs] number of each pair's image, the same one for near-duplicates.
        texts: [pairs] number of each pair's text, the same one for near-same texts.
    """

    table: PairTable
    facts: Mapping[str, PhotoFacts]
    images: IntArray
    texts: IntArray


def checked_pairs(settings: PairsSettings, store: FeatureStore, *, labels: bool = True) -> CheckedPairs:
    """Read the pairs that `settings` name and look at their images.

    Raises:
        UserError: A file can't be used, or no row of it.
    """
    table = read_table_of(settings, labels=labels)
    facts = find_facts(listed_images(table), store, Photos(max_megapixels=settings.max_megapixels))
    return number_pairs(usable_pairs(table, facts), facts)


def read_table_of(settings: PairsSettings, *, labels: bool = True) -> PairTable:
    """The pairs that `settings` name, after what there is to say of their files.

    Raises:
        UserError: A file can't be used, or no row of it.
    """
    table = read_pairs(settings.files, settings.base, labels=labels)
    for note in table.notes:
        say(note)
    return table


def number_pairs(table: PairTable, facts: Mapping[str, PhotoFacts]) -> CheckedPairs:
    """Find which images look the same and which texts read the same."""
    return CheckedPairs(table, facts, image_ids(table.pairs, facts), text_ids([pair.text for pair in table.pairs]))


def pairs_settings(data: object) -> PairsSettings:
    """`data` as the settings of pairs.

    Raises:
        UserError: They are those of a folder of photos.
    """
    if not isinstance(data, PairsSettings):
        raise UserError("task=match reads a file of pairs; leave out data=photos")
    return data


def related_pairs(
    pairs: Sequence[Pair], facts: Mapping[str, PhotoFacts], rows: Sequence[SplitRow]
) -> NDArray[np.int64]:
    """Indices of `pairs` that share an image or a text with a pair of `rows`; `facts` are by `Pair.image`."""
    known = {f"\0{i}": PhotoFacts(row.digest, phash=row.phash or None) for i, row in enumerate(rows)}
    others = [replace(pairs[0], image=name) for name in known]
    images = image_ids([*others, *pairs], {**known, **facts})
    seen = {row.text for row in rows}
    told = np.array([text_digest(pair.text) in seen for pair in pairs])
    return np.flatnonzero(told | np.isin(images[len(rows) :], images[: len(rows)])).astype(np.int64)
