"""Names of classes that look alike, such as Hip-Hop, hip hop and HIP-HOP: found, and joined where that is asked for."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from thawline.data.listing import Listing, choose
from thawline.data.relabelled import choose_photos, choose_tracks, relabel_photos, relabel_tracks
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
        wanted: take only what has one of these for its first label, in any of their spellings; None takes all.

    Raises:
        UserError: a class that is not there.
    """
    name = _joined(Counter(label for photo in listing.photos for label in photo.each_label))
    return choose_photos(relabel_photos(listing, name), _chosen(wanted, name, listing))


def join_tracks(listing: TrackListing, wanted: Sequence[str] | None = None) -> TrackListing:
    """The same of tracks."""
    name = _joined(Counter(label for track in listing.tracks for label in track.labels))
    return choose_tracks(relabel_tracks(listing, name), _chosen(wanted, name, listing))


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
