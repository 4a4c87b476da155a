"""The tracks that settings name, and what is known of them: without a network, and without PyTorch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.alike import join_tracks
from thawline.data.listing import choose
from thawline.data.relabelled import choose_tracks
from thawline.data.renaming import rename_tracks
from thawline.data.tracks.collection import TrackCollection, build_tracks
from thawline.data.tracks.groups import group_tracks
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.listing import list_tracks
from thawline.data.tracks.report import track_report
from thawline.data.tracks.track import TrackFacts
from thawline.features.files import FileIndex
from thawline.features.media import TRACKS
from thawline.features.progress import say
from thawline.runs.split import SplitRow
from thawline.tasks.genre.gtzan import list_gtzan
from thawline.tasks.genre.labels import mark
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.genre.tables.theme_report import with_themes
from thawline.tasks.settings import RunSettings


def tracks_settings(settings: RunSettings) -> TracksSettings:
    """The data's settings, which the task's file makes those of tracks."""
    assert isinstance(settings.data, TracksSettings)  # noqa: S101  # conf/task/genre.yaml says so
    return settings.data


def list_task(settings: TracksSettings, *, new: bool = False) -> TrackListing:
    """The tracks that `settings` name.

    Args:
        settings: Where they are.
        new: Whether they are to be judged by a finished run, and need not have all its classes.

    Raises:
        UserError: There are none, or the file is malformed.
    """
    # Of several labels a track is not left out by its first.
    classes = None if settings.several_labels else settings.classes
    exactly = None if settings.join_alike or settings.rename else classes
    if settings.reader == "gtzan":
        listing = list_gtzan(Path(settings.path), exactly, [Path(path) for path in settings.splits or ()])
    else:
        artists = settings.reader == "artists"
        listing = list_tracks(Path(settings.path), exactly, artists=artists, layout=settings.layout)
    if settings.rename:
        listing = rename_tracks(listing, settings.rename, check=not new)
    if settings.join_alike:
        listing = join_tracks(listing, classes)
    elif settings.rename and classes is not None:
        listing = choose_tracks(listing, choose(classes, listing.classes, listing.root))
    for note in listing.notes:
        say(note)
    return listing


def related_tracks(
    collection: TrackCollection, rows: Sequence[SplitRow], store: Path
) -> tuple[NDArray[np.int64], list[str]]:
    """Indices of the tracks of `collection` that are of one group with a track of `rows`, and what could not be told.

    A run and a bundle keep fingerprints. What a copy in another pitch or speed is known by is taken from the feature
    store in `store`, as far as that has read these tracks; where it has not, a sentence says so.
    """
    root, digests = collection.root, {row.digest for row in rows}
    known = FileIndex(store, TRACKS, read_only=True).facts_of(digests)
    pitches = {digest: fact.pitches for digest, fact in known.items()}
    others = [ListedTrack(root / r.path, r.path, r.label, (r.label,), r.artist or None, r.album or None) for r in rows]
    facts = [
        TrackFacts(row.digest, seconds=row.seconds, fingerprint=row.phash or None, pitches=pitches.get(row.digest))
        for row in rows
    ]
    # The others come first, since of equal tracks each is linked to the first.
    ids = group_tracks([*others, *collection.tracks], [*facts, *collection.facts]).ids
    indices = np.flatnonzero(np.isin(ids[len(rows) :], ids[: len(rows)])).astype(np.int64)
    lacking = len(digests) - len(known)
    untold = (
        f"Of {lacking} of the {len(digests)} tracks that were trained on the feature store knows no pitches, since it "
        "never read them: copies of these in another pitch or speed may be among those that are judged."
    )
    return indices, [untold] if lacking else []


def report_tracks(listing: TrackListing, facts: Mapping[str, TrackFacts], settings: TracksSettings) -> dict[str, Any]:
    """What the tracks of `listing` hold, as plain JSON.

    Raises:
        UserError: There are no usable tracks of two classes.
    """
    if settings.several_labels:
        return mark(listing, facts, wanted=settings.classes, min_groups=settings.min_groups).report()
    collection = build_tracks(listing, facts, min_groups=settings.min_groups)
    return with_themes(track_report(collection), collection)
