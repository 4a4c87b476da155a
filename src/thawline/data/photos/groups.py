"""Which photos belong together, so that a split may not part them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from thawline.data.groups import Grouping, Pairs, components, count_sets, links_of_equals
from thawline.data.listing import Listed
from thawline.data.photos.copies.hashes import near_hashes, orientation
from thawline.data.photos.copies.parts import find_parts, how_part
from thawline.data.photos.copies.sketches import read_sketch
from thawline.data.photos.photo import PhotoFacts

BURST_GAP = timedelta(minutes=5)
BURST_LENGTH = timedelta(minutes=60)


def find_groups(
    photos: Sequence[Listed], facts: Sequence[PhotoFacts], told: Sequence[str | None] | None = None
) -> Grouping:
    """Unite duplicates, near-duplicates, files of one folder below the class, and bursts of one camera.

    Args:
        photos: N, in the order of their names.
        facts: of the same N, none with a problem.
        told: a group that each of them was said to belong to, a person or a shoot; None: what the table says of it.
    """
    exact = links_of_equals(enumerate(fact.digest for fact in facts))
    near = _near_duplicates(facts, skip={j for _, j in exact})
    folder = links_of_equals((i, photo.path.parent) for i, photo in enumerate(photos) if photo.folder)
    burst = _bursts(facts)
    links = {"folder": folder, "exact duplicate": exact, "near-duplicate": near, "burst": burst}
    told = [photo.group for photo in photos] if told is None else told
    if any(told):
        links["group"] = links_of_equals((i, group) for i, group in enumerate(told) if group)
    count = len(photos)
    return Grouping(
        ids=components(count, [link for some in links.values() for link in some]),
        exact_duplicates=exact,
        near_duplicates=near,
        two_labels=sorted((i, j) for i, j in exact + near if photos[i].label != photos[j].label),
        reasons={reason: count_sets(count, pairs) for reason, pairs in links.items()},
    )


def find_copies(facts: Sequence[PhotoFacts]) -> npt.NDArray[np.int64]:
    """Unite duplicates and near-duplicates alone: what looks the same is the same image in an image–text pair.

    Args:
        facts: of N photos, none with a problem.

    Returns:
        int64 [N], numbers 0, 1, ... in the order of the first photos.
    """
    exact = links_of_equals(enumerate(fact.digest for fact in facts))
    return components(len(facts), exact + _near_duplicates(facts, skip={j for _, j in exact}))


def kinds_of(pairs: Iterable[tuple[int, int]], facts: Sequence[PhotoFacts]) -> dict[tuple[int, int], str]:
    """How the photos of each of `pairs` differ, a phrase; pairs of which nothing is known are left out.

    Args:
        pairs: Near-duplicates among the photos of `facts`.
        facts: Of all.
    """
    found = {(i, j): _kind(facts[i], facts[j]) for i, j in pairs}
    return {pair: kind for pair, kind in found.items() if kind}


def _kind(one: PhotoFacts, other: PhotoFacts) -> str | None:
    if one.phash is not None and other.phash is not None:
        turned = orientation(one.phash, other.phash)
        if turned is not None:
            return turned
    if one.sketch is None or other.sketch is None:
        return None
    return how_part(read_sketch(one.sketch), read_sketch(other.sketch))


def _near_duplicates(facts: Sequence[PhotoFacts], skip: set[int]) -> Pairs:
    hashed = [(i, fact.phash) for i, fact in enumerate(facts) if fact.phash is not None and i not in skip]
    equal = links_of_equals(hashed)
    later = {j for _, j in equal}
    kept = [(i, phash) for i, phash in hashed if i not in later]
    near = equal + [(kept[a][0], kept[b][0]) for a, b in near_hashes([phash for _, phash in kept])]
    # Of photos that look the same as a whole the first stands for all.
    alike = components(len(facts), near)
    first = [i for i in np.unique(alike, return_index=True)[1].tolist() if i not in skip]
    parts = find_parts([facts[i].sketch for i in first])
    return sorted(near + [(first[a], first[b]) for a, b in parts])


def _bursts(facts: Sequence[PhotoFacts]) -> Pairs:
    """Links between photos of one camera in one burst: gaps of at most 5 minutes, 60 minutes in all.

    Without the bound, an evening of steady photography would be one group, and no split of it possible.
    """
    by_camera = defaultdict(list)
    for i, fact in enumerate(facts):
        if fact.taken and fact.camera:
            by_camera[fact.camera].append((datetime.fromisoformat(fact.taken), i))
    links = []
    for shots in by_camera.values():
        shots.sort()
        (start, first) = (previous, _) = shots[0]
        for taken, i in shots[1:]:
            if taken - previous <= BURST_GAP and taken - start <= BURST_LENGTH:
                links.append((min(first, i), max(first, i)))
            else:
                start, first = taken, i
            previous = taken
    return sorted(links)
