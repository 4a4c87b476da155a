"""The tracks' windows at the thaw line: from the store, or through the frozen part of the encoder into it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.data.tracks.collection import TrackCollection
from thawline.data.tracks.listed import ListedTrack
from thawline.data.tracks.track import TrackFacts
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.encoders import load_late
from thawline.features.media import Tracks
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.wanted import Wanted, wanted_features
from thawline.tasks.capabilities import Filled
from thawline.tasks.genre.listed import list_task, report_tracks, tracks_settings
from thawline.tasks.photos.line import encoder_name, has_line
from thawline.tasks.settings import RunSettings


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
