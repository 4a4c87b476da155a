"""Names of classes that look alike, such as Hip-Hop, hip hop and HIP-HOP: found, and joined where that is asked for."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from thawline.data.listing import Listing, choose
from thawline.data.tracks.listed import TrackListing

_BETWEEN = re.compile(r"[\s_.,'\u2018\u2019\u2010-\u2015-]+")


def find_alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Sets of names that differ in case, spaces, hyphens, underscores or dots alone, each sorted."""
    sets: dict[str, set[str]] = defaultdict(set)
    for name in names:
        sets[_key(name)].add(name)
    return sorted(tuple(sorted(alike)) for alike in sets.values() if len(alike) > 1)


def alike_warnings(names: Iterable[str]) -> Iterable[str]:
    """A sentence for each set of names that look alike."""
    for alike in find_alike(names):
        *first, last = (repr(name) for name in alike)
        yield f"{', '.join(first)} and {last} look alike; data.join_alike=true makes them one class."


def join_photos(listing: Listing, wanted: Sequence[str] | None = None) -> Listing:
    """The listing with one class for each set of names that look alike, called by its most frequent one.

    Args:
        listing: of all classes.
        wanted: take only these, in any of their spellings; None takes all.

    Raises:
        UserError: a class that is not there.
    """
    name = _joined(Counter(photo.label for photo in listing.photos))
    photos = [replace(photo, label=name[photo.label]) for photo in listing.photos]
    chosen = _chosen(wanted, name, listing)
    photos = [photo for photo in photos if photo.label in chosen]
    return replace(listing, photos=tuple(photos), classes=tuple(sorted({photo.label for photo in photos})))


def join_tracks(listing: TrackListing, wanted: Sequence[str] | None = None) -> TrackListing:
    """The same of tracks, all of whose labels are joined and whose first is chosen by."""
    name = _joined(Counter(label for track in listing.tracks for label in track.labels))
    tracks = []
    for track in listing.tracks:
        labels = tuple(dict.fromkeys(name[label] for label in track.labels))
        tracks.append(replace(track, label=labels[0], labels=labels))
    chosen = _chosen(wanted, name, listing)
    tracks = [track for track in tracks if track.label in chosen]
    return replace(listing, tracks=tuple(tracks), classes=tuple(sorted({track.label for track in tracks})))


def _joined(counts: Mapping[str, int]) -> dict[str, str]:
    """For each name that of its set: the most frequent, of equally frequent ones the first."""
    name = {each: each for each in counts}
    for alike in find_alike(counts):
        most = max(alike, key=lambda each: counts[each])  # the names are sorted
        name.update(dict.fromkeys(alike, most))
    return name


def _chosen(wanted: Sequence[str] | None, name: Mapping[str, str], listing: Listing | TrackListing) -> set[str]:
    names = sorted(set(name.values()))
    if wanted is None:
        return set(names)
    by_key = {_key(each): each for each in names}
    return choose([by_key.get(_key(each), each) for each in wanted], names, listing.root)


def _key(name: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", name).casefold()) or name
