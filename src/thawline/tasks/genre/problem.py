"""What fitting and judging ask of the genre task: windows of tracks at the thaw line, and the tail over them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.tracks.collection import TrackCollection
from thawline.data.tracks.report import track_report
from thawline.encoders.encoder import Encoder
from thawline.features.progress import say
from thawline.features.store.store import FeatureStore
from thawline.fitting.feature_set import FeatureRows, FeatureSet
from thawline.fitting.folds import Fold
from thawline.fitting.heads.audio import LayersHead, own_head
from thawline.fitting.heads.head import DenseHead, Head
from thawline.fitting.heads.trees import TreesHead
from thawline.fitting.methods import FittedTail
from thawline.fitting.problem import Plain
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail
from thawline.runs.split import SplitRow
from thawline.targets.target import MAJORITY
from thawline.tasks.genre.features import read_mfcc
from thawline.tasks.genre.heads.hints import hints_head
from thawline.tasks.genre.heads.rules import RulesHead
from thawline.tasks.genre.listed import related_tracks, tracks_settings
from thawline.tasks.genre.reference import mfcc_svm
from thawline.tasks.genre.settings import THEMES
from thawline.tasks.genre.tables.taxonomy import canonical
from thawline.tasks.genre.tables.theme_report import with_themes
from thawline.tasks.genre.tables.themes import vocabulary
from thawline.tasks.settings import RunSettings

REFERENCE = "MFCC and SVM"


@dataclass(frozen=True)
class GenreProblem(Plain):
    """A collection of tracks at the thaw line. It is trained on windows and judged on tracks.

    Attributes:
        settings: The run's settings.
        classes: Names of the classes; the labels count them.
        collection: The tracks that can be used, and what is known of them.
        labels: Class of each track, [N].
        sides: The given split, one word or fold number a track; None: none given.
        encoder: The encoder.
        cut: Its cut, the thaw line.
        rows: The windows' features at the cut, track by track.
        owners: The track of each window, ascending.
        themes: Themes of lyrics that are inputs beside the encoder's features; none, where none are.
        computed: Features that were computed now, of windows.
        read: Features that were read from the store.
        untold: Sentences on what `related_to` could not tell.
    """

    settings: RunSettings
    classes: tuple[str, ...]
    collection: TrackCollection
    labels: NDArray[np.int64]
    sides: tuple[str, ...] | None
    encoder: Encoder
    cut: int
    rows: FeatureRows
    owners: NDArray[np.int64]
    themes: tuple[str, ...]
    computed: int
    read: int
    untold: list[str] = field(default_factory=list, repr=False, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each track, relative to the collection's folder."""
        return self.collection.names

    @property
    def groups(self) -> NDArray[np.int64]:
        """Group of each track, [N]."""
        return self.collection.grouping.ids

    @property
    def baseline(self) -> str:
        """What the run is compared with."""
        return MAJORITY if tracks_settings(self.settings).reference is None else REFERENCE

    def samples(self, indices: NDArray[np.int64]) -> FeatureSet:
        """The windows of the tracks `indices`; `owners` are places in `indices`."""
        starts = np.searchsorted(self.owners, indices)
        counts = np.searchsorted(self.owners, indices, side="right") - starts
        places = np.repeat(np.arange(len(indices)), counts)
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        tracks = indices[places]
        return FeatureSet(
            self.rows, np.repeat(starts, counts) + within, self.labels[tracks], self.groups[tracks], owners=places
        )

    def judged(self, indices: NDArray[np.int64]) -> list[FeatureSet]:
        """The windows of the tracks `indices`."""
        return [self.samples(indices)]

    def tail(self) -> Tail:
        """A fresh tail as the method wants it: pretrained stages above the thaw line and a head not yet fitted."""
        method = self.settings.method
        statistics = isinstance(method, GradientSettings) and method.batch_norm == "train"
        head = self._head()
        return Tail(self.encoder.tail(self.cut, batch_norm=statistics, only=head.reads), head)

    def zero_shot(self, fit: FittedTail) -> Tail | None:
        """None: no encoder of sound here reads text."""
        return None

    def reference(self, fold: Fold) -> NDArray[np.int64] | None:
        """What an SVM on MFCC statistics, fitted on the fold's training side, says of what it holds out."""
        if self.baseline == MAJORITY or not len(fold.train):
            return None
        x, train = self._mfcc, fold.train
        said: NDArray[np.int64] = mfcc_svm(x[train], self.labels[train], x[fold.test], self.settings.seed)
        return said

    def settle(self, fit: FittedTail, inner: FeatureSet | None, earlier: Sequence[FittedTail]) -> FittedTail:
        """`fit` with its themes, and where rules are what answers, with the classes that their table does not know."""
        unknown = self._without_rules
        known: dict[str, Any] = {"without_rules": list(unknown)} if unknown else {}
        known |= {THEMES: list(self.themes)} if self.themes else {}
        return replace(fit, chosen={**fit.chosen, **known}) if known else fit

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        if unknown := self._without_rules:
            say(f"there are no rules for {', '.join(unknown)}, which method=rules can never answer")
        self._say_of_themes()
        return with_themes(track_report(self.collection), self.collection)

    def _say_of_themes(self) -> None:
        """Are themes that are told inputs of this run?"""
        if self.themes:
            say("themes of lyrics are inputs of this run; what it is compared with is not told them")
        elif any(track.themes for track in self.collection.tracks) and tracks_settings(self.settings).themes is None:
            say("themes are inputs of encoder=descriptors alone, so this run leaves out those that are told")

    @property
    def _without_rules(self) -> tuple[str, ...]:
        """Classes of which the table of rules says nothing."""
        if self.settings.method.head != "rules":
            return ()
        known = RulesHead([canonical(name) or name for name in self.classes]).without_rules
        return tuple(name for name in self.classes if (canonical(name) or name) in known)

    def related_to(self, rows: Sequence[SplitRow]) -> NDArray[np.int64]:
        """Indices of the tracks that are of one group with a track of `rows`: a recording, an artist, an album."""
        related, untold = related_tracks(self.collection, rows, self.settings.store.root)
        self.untold.extend(untold)
        return related

    def split_rows(self, plan: Sequence[Fold]) -> list[SplitRow]:
        """Each track's place in the run: the fold that judges it, or none."""
        judged = {int(i): fold.name for fold in plan for i in fold.test}
        return [
            SplitRow(
                path=track.name,
                digest=facts.digest,
                phash=facts.fingerprint or "",
                label=track.label,
                group=int(self.groups[i]),
                fold=judged.get(i, ""),
                artist=track.artist or "",
                album=track.album or "",
                seconds=facts.seconds,
                themes="|".join(vocabulary().among(track.themes)) if self.themes else "",
            )
            for i, (track, facts) in enumerate(zip(self.collection.tracks, self.collection.facts, strict=True))
        ]

    @cached_property
    def _mfcc(self) -> NDArray[np.float64]:
        return read_mfcc(self.collection, FeatureStore(self.settings.store.root))

    def _head(self) -> Head:
        method, classes = self.settings.method, len(self.classes)
        dropout, hidden = (method.dropout, method.hidden) if isinstance(method, GradientSettings) else (0.0, 0)
        if method.head == "own":
            return own_head(self.encoder, self.classes)
        if method.head == "layers":
            # What enters the blocks, and what leaves each of them.
            layers = 1 + sum(border.startswith("block") for border in self.encoder.borders)
            return LayersHead(layers, self.encoder.dim, classes, hidden=hidden or None, dropout=dropout)
        if method.head == "trees":
            return TreesHead(classes)
        if method.head in ("rules", "hints"):
            known = [canonical(name) or name for name in self.classes]
            return RulesHead(known, self.themes) if method.head == "rules" else hints_head(self.encoder, known)
        return DenseHead(
            self.encoder.dim + len(self.themes),
            classes,
            hidden=hidden if method.head == "mlp" else None,
            dropout=dropout,
            each=self.encoder.family == "descriptors",
        )
