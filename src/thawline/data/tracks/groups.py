"""Which tracks belong together, so that a split may not part them."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from thawline.data.groups import Grouping, Pairs, components, count_sets, links_of_equals
from thawline.data.tracks.fingerprints import near_pairs
from thawline.data.tracks.listed import ListedTrack
from thawline.data.tracks.pitches import shifted_pairs
from thawline.data.tracks.track import TrackFacts

SEGMENTS = "segments of one track"

# What stands where nobody is named.
_NOBODY = {"", "-", "?", "n/a", "na", "nan", "none", "null", "unknown", "unknown artist", "unknown album", "untitled"}
_EVERYBODY = {"various", "various artists", "va", "v/a", "v.a."}
_SEGMENT = re.compile(r"(?P<track>.+?)(?P<naming>[._ -](?:seg|segment|part|chunk|clip)?[._ -]?)(?P<number>\d{1,4})")
_SAME_LENGTH = 0.1  # seconds


def group_tracks(tracks: Sequence[ListedTrack], facts: Sequence[TrackFacts]) -> Grouping:
    """Unite copies, recordings that sound the same, artists, albums, and segments that were cut from one track.

    An album is known by its artist and its name, since many have a "Greatest Hits"; where the artist is not known or
    "Various Artists", by its name.

    Args:
        tracks: N, in the order of their names.
        facts: of the same N, none with a problem.
    """
    exact = links_of_equals(enumerate(fact.digest for fact in facts))
    near = _near_duplicates(facts, skip={j for _, j in exact})
    artists = [_artist(track.artist) for track in tracks]
    albums = [_album(track.album) for track in tracks]
    links = {
        "exact duplicate": exact,
        "near-duplicate": near,
        "artist": links_of_equals((i, artist) for i, artist in enumerate(artists) if artist),
        "album": links_of_equals((i, (artists[i], album)) for i, album in enumerate(albums) if album),
        SEGMENTS: links_of_equals(_segments(tracks, facts)),
    }
    count = len(tracks)
    return Grouping(
        ids=components(count, [link for some in links.values() for link in some]),
        exact_duplicates=exact,
        near_duplicates=near,
        two_labels=sorted((i, j) for i, j in exact + near if set(tracks[i].labels) != set(tracks[j].labels)),
        reasons={reason: count_sets(count, some) for reason, some in links.items()},
    )


def _near_duplicates(facts: Sequence[TrackFacts], skip: set[int]) -> Pairs:
    marked = [(i, fact.fingerprint) for i, fact in enumerate(facts) if fact.fingerprint is not None and i not in skip]
    near = {(marked[a][0], marked[b][0]) for a, b in near_pairs([fingerprint for _, fingerprint in marked])}
    pitched = [(i, fact.pitches) for i, fact in enumerate(facts) if fact.pitches is not None and i not in skip]
    near |= {(pitched[a][0], pitched[b][0]) for a, b in shifted_pairs([pitches for _, pitches in pitched])}
    return sorted(near)


def shifted_kinds(pairs: Pairs, facts: Sequence[TrackFacts]) -> dict[tuple[int, int], str]:
    """Those of `pairs`, near-duplicates among the tracks of `facts`, that differ in pitch, and what is said of them."""
    found = {}
    for i, j in pairs:
        plain, shifted = [facts[i].fingerprint, facts[j].fingerprint], [facts[i].pitches, facts[j].pitches]
        same = None not in plain and near_pairs([text for text in plain if text])
        if not same and None not in shifted and shifted_pairs([text for text in shifted if text]):
            found[i, j] = "shifted in pitch"
    return found


def artist_digest(artist: str | None) -> str:
    """sha256, hex, of what spellings of an artist's name have in common; "" where it names nobody in particular.

    Digests in the place of names group tracks as the names do.
    """
    return _digest(_artist(artist))


def album_digest(album: str | None) -> str:
    """The same of an album's name."""
    return _digest(_album(album))


def _digest(name: str | None) -> str:
    return "" if name is None else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _artist(artist: str | None) -> str | None:
    return _name(artist, _NOBODY | _EVERYBODY)


def _album(album: str | None) -> str | None:
    return _name(album, _NOBODY)


def _name(text: str | None, no_names: set[str]) -> str | None:
    """A name without what differs between spellings of it."""
    name = " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())
    return None if name in no_names else name


@dataclass(frozen=True)
class _Cut:
    """Files of one folder whose names differ in a number at the end, perhaps the segments of a track.

    Attributes:
        folder: where they lie.
        stem: what stands before the number.
        naming: what stands between the two.
        labels: the files' first labels.
        numbers: in order.
        members: the tracks with these numbers.
        seconds: how long a segment is.
    """

    folder: Path
    stem: str
    naming: str
    labels: frozenset[str]
    numbers: tuple[int, ...]
    members: tuple[int, ...]
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether the numbers have no gap."""
        first = self.numbers[0]
        return first <= 1 and self.numbers == tuple(range(first, first + len(self.numbers)))

    def is_like(self, other: "_Cut") -> bool:
        """Whether both were cut in the same way."""
        alike = self.folder == other.folder or self.naming == other.naming
        return alike and abs(self.seconds - other.seconds) <= _SAME_LENGTH


def _segments(tracks: Sequence[ListedTrack], facts: Sequence[TrackFacts]) -> Iterable[tuple[int, Hashable]]:
    """(track, what it was cut from) of those that look like segments: name.0.wav, name.1.wav, ... or name_1.wav, ...

    Numbered files alone are no sign: GTZAN's own are blues.00000.wav to blues.00099.wav. Segments are numbered from 0
    or 1, all are of one length but for a shorter last one, and the collection holds those of several tracks without a
    gap. A track with a gap, where a silent segment was left out, is then known by being cut like one of these.
    """
    cuts = _cuts(tracks, facts)
    whole = [cut for cut in cuts if cut.whole]
    # rock/track_1.wav, jazz/track_1.wav, ...: one name in each class is how the files are called, not a track's.
    known = [
        cut
        for cut in whole
        if all(other is cut or other.stem != cut.stem for other in whole)
        or any(other is not cut and other.labels & cut.labels for other in whole)
    ]
    if len(known) > 1:
        known += [cut for cut in cuts if not cut.whole and any(cut.is_like(other) for other in known)]
        yield from ((i, (cut.folder, cut.stem)) for cut in known for i in cut.members)


def _cuts(tracks: Sequence[ListedTrack], facts: Sequence[TrackFacts]) -> list[_Cut]:
    found: dict[tuple[Path, str], list[tuple[int, int, str]]] = defaultdict(list)
    for i, track in enumerate(tracks):
        match = _SEGMENT.fullmatch(track.path.stem)
        if match and _plain(match["track"]) not in map(_plain, (*track.labels, track.path.parent.name)):
            found[track.path.parent, match["track"]].append((int(match["number"]), i, match["naming"]))
    cuts = []
    for (folder, stem), parts in found.items():
        numbers, members, namings = zip(*sorted(parts), strict=True)
        seconds = _segment_seconds([facts[i].seconds for i in members])
        if len(set(numbers)) == len(numbers) > 1 and seconds is not None:
            labels = frozenset(tracks[i].label for i in members)
            cuts.append(_Cut(folder, stem, namings[0], labels, numbers, members, seconds))
    return cuts


def _plain(name: str) -> str:
    """Letters and digits alone: hiphop_1.wav is of the class Hip-Hop."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))


def _segment_seconds(lengths: Sequence[float]) -> float | None:
    first, last = lengths[0], lengths[-1]
    if (
        max(lengths[:-1], default=first) - min(lengths[:-1], default=first) > _SAME_LENGTH
        or last > first + _SAME_LENGTH
    ):
        return None
    return first
