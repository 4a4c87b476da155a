"""New tracks whose genres, or labels, are known, for a bundle to be judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.bundles.sounds import read_ahead
from thawline.data.settings import DataSettings
from thawline.data.tracks.collection import TrackCollection, build_tracks
from thawline.data.tracks.groups import album_digest, artist_digest
from thawline.data.tracks.report import track_report
from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.features.facts import find_facts
from thawline.features.media import Tracks
from thawline.features.store.store import FeatureStore
from thawline.runs.predictions import Predictions
from thawline.runs.split import SplitRow
from thawline.tasks.bundle.labelled import FOLD, Answers
from thawline.tasks.classes import number_classes
from thawline.tasks.genre.bundle.asking import AnyTracks
from thawline.tasks.genre.bundle.tracks import TrackBundle
from thawline.tasks.genre.labels import Marked, mark
from thawline.tasks.genre.listed import list_task, related_tracks
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.genre.tables.theme_report import with_themes
from thawline.tasks.tags.told import tag_figures


@dataclass(frozen=True)
class LabelledTracks:
    """Tracks of known genres; see `tasks.bundle.labelled.Labelled`.

    Attributes:
        store: The folder of the feature store.
        untold: Sentences on what `related_to` could not tell.
    """

    bundle: AnyTracks[Any]
    collection: TrackCollection
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    store: Path
    untold: list[str] = field(default_factory=list, init=False)

    @property
    def true(self) -> NDArray[np.bool_] | None:
        """None: each track has one genre."""
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each track, relative to the collection's folder."""
        return self.collection.names

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each track, [N]."""
        return self.collection.grouping.ids

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        return with_themes(track_report(self.collection), self.collection)

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the tracks of one group with a track of `rows`: a recording, an artist, an album."""
        # Of artists and albums a bundle has digests.
        tracks = tuple(
            replace(track, artist=artist_digest(track.artist) or None, album=album_digest(track.album) or None)
            for track in self.collection.tracks
        )
        related, untold = related_tracks(replace(self.collection, tracks=tracks), rows, self.store)
        self.untold.extend(untold)
        return related

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the tracks `indices`, of which the themes are told that the table tells."""
        tracks = [self.collection.tracks[i] for i in indices]
        probabilities = np.zeros((len(tracks), len(self.classes)), dtype=np.float32)
        problems = {}
        themes = {str(track.path): track.themes for track in tracks}
        for i, said in enumerate(self.bundle.predict((track.path for track in tracks), themes=themes)):
            if said["problem"] is not None:
                problems[i] = said["problem"]
            else:
                probabilities[i] = [said["all_scores"][name] for name in self.classes]
        return Answers(probabilities, problems)

    def examine(self, predictions: Predictions) -> dict[str, Any] | None:
        """Nothing more."""
        return None


@dataclass(frozen=True, kw_only=True)
class TaggedTracks(LabelledTracks):
    """Tracks that can have several labels, for a bundle that tells each by itself, from its threshold on.

    Attributes:
        marked: The labels, and which track has which.
        thresholds: The bundle's, of each label.
    """

    marked: Marked
    thresholds: dict[str, float]

    @property
    def true(self) -> NDArray[np.bool_]:
        """Which labels each track has, [N, classes]."""
        return self.marked.true

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; tracks are counted under each of their labels."""
        return self.marked.report()

    def ask(self, indices: NDArray[np.int64]) -> Answers:
        """What the bundle says of the tracks `indices`."""
        assert isinstance(self.bundle, TrackBundle)  # noqa: S101  # ensembles tell one genre
        tracks = [self.collection.tracks[i] for i in indices]
        probabilities = np.zeros((len(tracks), len(self.classes)), dtype=np.float32)
        problems = {}
        heard = read_ahead((track.path for track in tracks), self.bundle.hear)
        for i, (track, (_, found)) in enumerate(zip(tracks, heard, strict=True)):
            if found.problem is not None:
                problems[i] = found.problem
            else:
                probabilities[i] = self.bundle.probabilities(found.windows, track.themes)
        # In double precision, as the run decides.
        said = probabilities.astype(np.float64) >= np.array([self.thresholds[name] for name in self.classes])
        return Answers(probabilities, problems, said=said)

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """F1 and average precision over the labels and of each, and thresholds."""
        return {**tag_figures(predictions), THRESHOLDS: {FOLD: self.thresholds}, "not_trained_on": {}}


def label_genre(bundle: AnyTracks[Any], data: DataSettings, store: Path) -> LabelledTracks:
    """Read the tracks of `data`; see `tasks.bundle.labelled.Labeller`."""
    assert isinstance(data, TracksSettings)  # noqa: S101  # they are this task's
    thresholds = bundle.thresholds
    renamed = bundle.renamed if isinstance(bundle, TrackBundle) else {}
    labels = "one" if thresholds is None else "several"
    listing = list_task(replace(data, rename=renamed, labels=labels), new=True)
    facts = find_facts(listing.tracks, FeatureStore(store), Tracks())
    if thresholds is None:
        collection = build_tracks(listing, facts)
        return LabelledTracks(bundle, collection, *number_classes(collection, bundle.labels), store)
    marked = mark(listing, facts, known=bundle.labels)
    return TaggedTracks(
        bundle, marked.collection, bundle.labels, marked.strata, store, marked=marked, thresholds=thresholds
    )
