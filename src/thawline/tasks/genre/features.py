"""The tracks' windows at the thaw line: from the store, or through the frozen part of the encoder into it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.encoders import load_late
from thawline.features.media import Tracks
from thawline.features.progress import say
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.wanted import Wanted, wanted_features
from thawline.runs.split import SplitRow
from thawline.tasks.capabilities import Filled
from thawline.tasks.genre.gtzan import list_gtzan
from thawline.tasks.genre.labels import mark
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.genre.themes import with_themes
from thawline.tasks.photos.line import encoder_name, has_line
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


def load_encoder(settings: RunSettings) -> Encoder:
    """The encoder of sound that `settings` name.

    Raises:
        UserError: Its weights are absent.
    """
    encoder = load_late(settings.encoder, settings.store.root)
    assert isinstance(encoder, Encoder)  # noqa: S101  # the settings were checked
    return encoder


def survey_tracks(
    tracks: Sequence[ListedTrack], runs: Sequence[RunSettings], encoder: Encoder, device: torch.device
) -> tuple[Survey[TrackFacts], Wanted[TrackFacts]]:
    """Bring tracks to the thaw lines of `runs` in one pass. The runs differ in what lies above these lines.

    Raises:
        UserError: The encoder can't be cut where a run wants it.
    """
    first = runs[0]
    wanted = wanted_features(
        encoder,
        FeatureStore(first.store.root),
        Tracks(encoder.hearing),
        cuts=[encoder.cut_for(run.cut) for run in runs],
        dtype=first.store.dtype,
        device=device,
        label=encoder_name(first),
        compiled=first.trainer.compile,
    )
    # Nothing is imported meanwhile: what reads tracks imports much of SciPy itself, and two threads that import
    # different parts of it at once can each see the other's half.
    return survey(tracks, FeatureStore(first.store.root), wanted, cluster=first.cluster), wanted


def related_tracks(collection: TrackCollection, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
    """Indices of the tracks of `collection` that are of one group with a track of `rows`."""
    root = collection.root
    others = [ListedTrack(root / r.path, r.path, r.label, (r.label,), r.artist or None, r.album or None) for r in rows]
    facts = [TrackFacts(row.digest, seconds=row.seconds, fingerprint=row.phash or None) for row in rows]
    ids = group_tracks([*others, *collection.tracks], [*facts, *collection.facts]).ids
    return np.flatnonzero(np.isin(ids[len(rows) :], ids[: len(rows)])).astype(np.int64)


def read_mfcc(collection: TrackCollection, store: FeatureStore) -> NDArray[np.float64]:
    """What the reference is fitted on, [tracks, dim]."""
    encoder = load(EncoderSettings(family="descriptors", name="mfcc", model="mfcc"))
    assert isinstance(encoder, Encoder)  # noqa: S101  # it is no CLIP
    wanted = wanted_features(
        encoder,
        store,
        Tracks(encoder.hearing),
        cuts=[encoder.cut_for("head")],
        dtype="float32",
        device=torch.device("cpu"),
        label="MFCC",
    )
    found = survey(collection.tracks, store, wanted)
    return found.rows(collection.names)[:]["features"].double().numpy()


def fill_genre(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the windows' features at the thaw lines of `runs`, in one pass over the tracks.

    Args:
        runs: Differ only in what lies above their thaw lines, and in where these lie.
        device: What the frozen part is computed on.
        refusals: Gets the reason why a run's thaw line is left out.

    Returns:
        What was done; None where no thaw line can be used.

    Raises:
        UserError: The tracks or the encoder can't be used.
    """
    listing = list_task(tracks_settings(runs[0]))
    encoder = load_encoder(runs[0])
    usable = [run for run in runs if has_line(encoder, run, refusals)]
    if not usable:
        return None
    found, _ = survey_tracks(listing.tracks, usable, encoder, device)
    report = report_tracks(listing, found.facts, tracks_settings(runs[0]))
    return Filled(report, report["tracks"], found.computed, found.read, found.opened, round(found.seconds, 2))


def report_tracks(listing: TrackListing, facts: Mapping[str, TrackFacts], settings: TracksSettings) -> dict[str, Any]:
    """What the tracks of `listing` hold, as plain JSON.

    Raises:
        UserError: There are no usable tracks of two classes.
    """
    if settings.several_labels:
        return mark(listing, facts, wanted=settings.classes, min_groups=settings.min_groups).report()
    collection = build_tracks(listing, facts, min_groups=settings.min_groups)
    return with_themes(track_report(collection), collection)
