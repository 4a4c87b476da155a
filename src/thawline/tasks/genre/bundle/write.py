"""A model of tracks: what a run fitted, as a bundle is written from it and compared with it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from thawline.bundles.heads import state_part
from thawline.bundles.networks.audio import WindowClassifier, save_audio
from thawline.bundles.networks.stems import stems_facts
from thawline.bundles.write import CPU, BundleChecks, KnownFile, furthest, joined_difference
from thawline.decisions.temperature import Temperature
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.fitting.heads.audio import rebuild_own
from thawline.fitting.heads.head import Head
from thawline.tasks.genre.bundle.card import track_card
from thawline.tasks.genre.bundle.tracks import RECIPE, TrackBundle, load_tracks
from thawline.tasks.genre.heads.rebuild import HEADS
from thawline.tasks.genre.tables.themes import Vocabulary

_SOUND = ("soundfile", "soxr", "librosa")


@dataclass(frozen=True)
class KnownTrack(KnownFile):
    """A track that the run judged.

    Attributes:
        themes: Of its lyrics, as they were told.
    """

    themes: Sequence[str] = ()


@dataclass(frozen=True)
class TunedTracks:
    """What a run on tracks fitted; see `bundles.write.Tuned`.

    Attributes:
        task: The task's name.
        encoder: The settings of the encoder.
        thaw: Where the thaw line is, as the run's settings say.
        state: The state-dict of the fitted tail.
        classes: Names of the classes.
        method: The method's name.
        head: `linear`, `mlp`, `own`, `layers`, `trees`, `rules` or `hints`.
        temperature: Fitted beforehand.
        thresholds: Of each class, where a track can have several and each is told by itself; None: it has one.
        themes: Of lyrics, that are inputs; None: none are.
        renamed: The new name of each class that the run renamed.
    """

    task: str
    encoder: EncoderSettings
    thaw: int | str
    state: Mapping[str, torch.Tensor]
    classes: Sequence[str]
    method: str
    head: str
    temperature: Temperature
    thresholds: Mapping[str, float] | None = None
    themes: Vocabulary | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    load = staticmethod(load_tracks)
    card = staticmethod(track_card)

    @property
    def joined(self) -> tuple[Encoder, Head]:
        """The pretrained encoder, loaded afresh, with what was trained in its place, and the head.

        Raises:
            UserError: The head can't be exported.
        """
        encoder, head, _ = self._parts
        return encoder, head

    @cached_property
    def _parts(self) -> tuple[Encoder, Head, str]:
        """The encoder, the head, and a digest of the encoder's weights before any was trained."""
        encoder = load(replace(self.encoder, precision="float32"), fresh=True)
        assert isinstance(encoder, Encoder)  # noqa: S101  # the run heard with it
        weights = encoder.digest()
        encoder.load_tail(encoder.cut_for(self.thaw), state_part(self.state, "stages."))
        state = state_part(self.state, "head.")
        if self.head == "own":
            return encoder, rebuild_own(encoder, state), weights
        kind = "dense" if self.head in ("linear", "mlp") else self.head
        if kind in HEADS:
            return encoder, HEADS[kind](encoder, self.classes, state), weights
        raise UserError(
            f"method.head={self.head} can't be exported; use linear, mlp, layers, own, trees, rules or hints"
        )

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the network, how it hears, and its head."""
        kind = save_audio(folder, self.encoder, *self.joined, self.classes)
        return {
            "task": self.task,
            "family": self.encoder.family,
            "head": kind,
            "method": self.method,
            "labels": list(self.classes),
            "temperature": self.temperature.to_json(),
            "thresholds": None if self.thresholds is None else dict(self.thresholds),
            "renamed": dict(self.renamed),
            **({} if self.themes is None else {"themes": self.themes.to_json()}),
        }

    def ask(self, bundle: TrackBundle, known: Sequence[KnownTrack], tolerance: float) -> BundleChecks:
        """Ask about golden windows, which the parts in memory are asked about too, and about the run's own tracks."""
        encoder, _ = self.joined
        logits, parts = bundle.golden_logits(), copy.copy(bundle)
        parts.classifier = WindowClassifier(*self.joined, CPU)
        heard = ((track, bundle.hear(track.path)) for track in known)
        said = [(track, bundle.probabilities(it.windows, track.themes)) for track, it in heard if it.problem is None]
        golden = [
            {
                "sha256": track.digest,
                **({"themes": list(track.themes)} if bundle.themes else {}),
                "probabilities": probabilities.tolist(),
            }
            for track, probabilities in said
        ]
        recipe = RECIPE if self.themes is None else f"{RECIPE}; the second window with all themes"
        return BundleChecks(
            {"made": {"recipe": recipe, "logits": logits.tolist()}, "tracks": golden},
            {
                "joined_logits": joined_difference(logits, parts.golden_logits()),
                "probabilities_of_raw_tracks": furthest(said, self.classes, tolerance),
            },
            base={"licence": encoder.licence, "weights": self._parts[2], **stems_facts(self.encoder, encoder)},
            libraries=(*_SOUND, *(("demucs",) if bundle.stems else ())),
        )

    def graphs(self, folder: Path, bundle: TrackBundle) -> dict[str, float]:
        """None: there are no graphs of networks for sound."""
        return {}
