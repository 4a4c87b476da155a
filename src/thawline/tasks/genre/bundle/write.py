"""Writing the bundle of a model of tracks: complete or absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thawline.bundles.audio import WindowClassifier, save_audio
from thawline.bundles.join import state_part
from thawline.bundles.manifest import CARD, DECISION, GOLDEN, seal, verify
from thawline.bundles.photos import Known
from thawline.bundles.stems import stems_facts
from thawline.bundles.trained import Trained, write_trained
from thawline.bundles.write import CPU, LIBRARIES, base_facts, check_target
from thawline.decisions.temperature import Temperature
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import RunError, UserError
from thawline.files import write_folder, write_json, write_text
from thawline.fitting.heads.audio import rebuild_own
from thawline.fitting.heads.head import Head
from thawline.tasks.genre.bundle.card import track_card
from thawline.tasks.genre.bundle.tracks import RECIPE, TrackBundle, load_tracks
from thawline.tasks.genre.heads.rebuild import HEADS
from thawline.tasks.genre.tables.themes import Vocabulary

# Logits of the joined network may differ by this share of the largest from those of the parts.
_ROUNDING = 1e-4
_SOUND = ("soundfile", "soxr", "librosa")


@dataclass(frozen=True)
class TunedTracks:
    """What a run on tracks fitted.

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


@dataclass(frozen=True)
class KnownTrack(Known):
    """A track that the run judged.

    Attributes:
        themes: Of its lyrics, as they were told.
    """

    themes: Sequence[str] = ()


def write_track_bundle(
    target: Path,
    tuned: TunedTracks,
    known: Sequence[KnownTrack],
    tolerance: float,
    facts: Mapping[str, Any],
    notes: Sequence[str] = (),
    trained: Trained | None = None,
) -> dict[str, Any]:
    """Write `tuned` as a bundle into the directory `target`, which an older bundle may hold.

    Args:
        target: The directory.
        tuned: What was fitted.
        known: Tracks to ask the bundle about.
        tolerance: By how much its probabilities may differ from the run's there.
        facts: What the manifest says of the run.
        notes: Sentences for the card.
        trained: What the model was trained on; None: it is not known.

    Returns:
        The manifest.

    Raises:
        UserError: `target` holds something else, or the encoder can't be exported.
        RunError: What was written does not compute what the run did.
    """
    check_target(target)
    write_folder(target, lambda folder: _fill(folder, tuned, known, tolerance, facts, notes, trained))
    return verify(target)


def _fill(
    folder: Path,
    tuned: TunedTracks,
    known: Sequence[KnownTrack],
    tolerance: float,
    facts: Mapping[str, Any],
    notes: Sequence[str],
    trained: Trained | None,
) -> None:
    encoder, head = _join(tuned)
    kind = save_audio(folder, tuned.encoder, encoder, head, tuned.classes)
    decision = {
        "task": tuned.task,
        "family": tuned.encoder.family,
        "head": kind,
        "method": tuned.method,
        "labels": list(tuned.classes),
        "temperature": tuned.temperature.to_json(),
        "thresholds": None if tuned.thresholds is None else dict(tuned.thresholds),
    }
    if tuned.themes is not None:
        decision["themes"] = tuned.themes.to_json()
    write_json(folder / DECISION, decision)
    bundle = load_tracks(folder, {}, decision, CPU)
    logits = TrackBundle(folder, {}, decision, WindowClassifier(encoder, head, CPU)).golden_logits()
    written = bundle.golden_logits()
    difference = float(np.abs(logits - written).max())
    if not difference <= _ROUNDING * max(1.0, float(np.abs(logits).max())):
        raise RunError(f"the joined network's logits differ from those of its parts by {difference:.2g}; not written")
    recipe = RECIPE if tuned.themes is None else f"{RECIPE}; the second window with all themes"
    raw, golden = _ask(bundle, known, tuned.classes, tolerance)
    write_json(folder / GOLDEN, {"made": {"recipe": recipe, "logits": written.tolist()}, "tracks": golden})
    facts = {
        **facts,
        "base": base_facts(tuned.encoder) | {"licence": encoder.licence} | stems_facts(tuned.encoder, encoder),
        "versions": {name: version(name) for name in (*LIBRARIES, *_SOUND, *(("demucs",) if bundle.stems else ()))},
        "largest_difference": {"joined_logits": difference, "probabilities_of_raw_tracks": raw},
    }
    if trained is not None:
        write_trained(folder, trained)
    write_text(folder / CARD, track_card(decision, facts, notes))
    seal(folder, facts)


def _join(tuned: TunedTracks) -> tuple[Encoder, Head]:
    """The pretrained encoder with what was trained in its place, and the head."""
    encoder = load(replace(tuned.encoder, precision="float32"), fresh=True)
    assert isinstance(encoder, Encoder)  # noqa: S101  # the run heard with it
    encoder.load_tail(encoder.cut_for(tuned.thaw), state_part(tuned.state, "stages."))
    state = state_part(tuned.state, "head.")
    if tuned.head == "own":
        return encoder, rebuild_own(encoder, state)
    kind = "dense" if tuned.head in ("linear", "mlp") else tuned.head
    if kind in HEADS:
        return encoder, HEADS[kind](encoder, tuned.classes, state)
    raise UserError(f"method.head={tuned.head} can't be exported; use linear, mlp, layers, own, trees, rules or hints")


def _ask(
    bundle: TrackBundle, known: Sequence[KnownTrack], classes: Sequence[str], tolerance: float
) -> tuple[float | None, list[dict[str, Any]]]:
    """Ask about the run's own tracks as they lie on the disk: the largest difference, and what `golden.json` keeps.

    Raises:
        RunError: An answer differs from the run's own by more than `tolerance`.
    """
    largest, golden = None, []
    for track in known:
        heard = bundle.hear(track.path)
        if heard.problem is not None or heard.digest != track.digest:
            continue  # it is gone, or was changed
        said = bundle.probabilities(heard.windows, track.themes)
        told = {"themes": list(track.themes)} if bundle.themes else {}
        golden.append({"sha256": track.digest, **told, "probabilities": said.tolist()})
        if track.said is None:
            continue
        difference = float(np.abs(said - track.said).max())
        if not difference <= tolerance:
            run, here = (f"{classes[int(each.argmax())]} with {each.max():.4f}" for each in (track.said, said))
            raise RunError(
                f"of {track.path} the run said {run}, and the bundle {here}; nothing was written (were the encoder's "
                "weights or this program changed since?)"
            )
        largest = max(largest or 0.0, difference)
    return largest, golden
