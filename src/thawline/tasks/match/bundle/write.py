"""Writing a matcher's bundle: a CLIP directory with both trained towers in place, and the decision beside."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import CARD, DECISION, GOLDEN, PREPROCESSING, seal, verify
from thawline.bundles.network import preprocessing_json
from thawline.bundles.trained import Trained, write_trained
from thawline.bundles.transformers import CLIP
from thawline.bundles.write import CPU, LIBRARIES, base_facts, check_target
from thawline.data.pairs.labels import CLASSES, MATCH
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import RunError, UserError
from thawline.files import write_folder, write_json, write_text
from thawline.tasks.match.bundle.card import pair_card
from thawline.tasks.match.bundle.pairs import PairBundle, load_pairs

_TEXTS = ("a photo of a red car", "two dogs running on the grass", "a wooden chair", "an empty street at night")


@dataclass(frozen=True)
class TunedPairs:
    """What a run of the match task fitted.

    Attributes:
        task: The task's name.
        encoder: The settings of the pretrained CLIP.
        decode: How large JPEGs are decoded.
        tails: The cut, and the state-dict above it, of the image's and of the text's tower.
        scale: What the cosine is multiplied by.
        bias: What is added to it.
        threshold: From which probability on a pair is a match.
        temperature: Fitted beforehand.
    """

    task: str
    encoder: EncoderSettings
    decode: str
    tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]]
    scale: float
    bias: float
    threshold: Threshold
    temperature: Temperature


@dataclass(frozen=True)
class KnownPair:
    """A pair that the run judged.

    Attributes:
        path: The image's file.
        digest: sha256 of its bytes, hex.
        text: The text.
        probability: Of a match, by the exported fit itself; None where another fit judged it.
    """

    path: Path
    digest: str
    text: str
    probability: float | None


def write_pair_bundle(
    target: Path,
    tuned: TunedPairs,
    known: Sequence[KnownPair],
    tolerance: float,
    facts: Mapping[str, Any],
    notes: Sequence[str] = (),
    trained: Trained | None = None,
) -> dict[str, Any]:
    """Write `tuned` as a bundle into the directory `target`, which an older bundle may hold.

    Args:
        target: The directory.
        tuned: What was fitted.
        known: Pairs to ask the bundle about.
        tolerance: By how much it may differ from the run there.
        facts: What the manifest says of the run.
        notes: Sentences for the card.
        trained: What the model was trained on; None: it is not known.

    Returns:
        The manifest.

    Raises:
        UserError: `target` holds something else, or the pretrained weights are not on this machine.
        RunError: What was written does not compute what the run did.
    """
    check_target(target)
    write_folder(target, lambda folder: _fill(folder, tuned, known, tolerance, facts, notes, trained))
    return verify(target)


def save_towers(
    folder: Path,
    encoder: EncoderSettings,
    tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]],
    scale: float,
) -> Preprocessing:
    """Write the CLIP that `from_pretrained` loads, trained towers in their place.

    Args:
        folder: Where to.
        encoder: The settings of the pretrained CLIP.
        tails: The cut, and the state-dict above it, of the image's and of the text's tower.
        scale: What its cosine is multiplied by.

    Returns:
        How it prepares photos.

    Raises:
        UserError: The pretrained weights are not on this machine, or are no CLIP's.
    """
    towers = load(replace(encoder, precision="float32"), fresh=True)
    if not isinstance(towers, ClipTowers):
        raise UserError("only a CLIP, whose towers read images and texts, can be written as one directory")
    for tower, (cut, state) in zip((towers.image, towers.text), tails, strict=True):
        tower.load_tail(cut, state)
    model: Any = towers.image.model
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))
    CLIP.save(folder, encoder, towers.image, None, ())
    if towers.image.preprocessing is None:
        raise ValueError("an image encoder has a preprocessing")
    return towers.image.preprocessing


def _fill(
    folder: Path,
    tuned: TunedPairs,
    known: Sequence[KnownPair],
    tolerance: float,
    facts: Mapping[str, Any],
    notes: Sequence[str],
    trained: Trained | None,
) -> None:
    how = save_towers(folder, tuned.encoder, tuned.tails, tuned.scale)
    how = Preprocessing(**{**vars(how), "decode": tuned.decode})
    write_json(folder / PREPROCESSING, preprocessing_json(how))
    decision = _decision(tuned)
    write_json(folder / DECISION, decision)
    bundle = load_pairs(folder, {}, decision, CPU)
    golden, largest = _ask(bundle, known, tolerance)
    write_json(folder / GOLDEN, {"made": _made(bundle, how.size), "pairs": golden})
    facts = {
        **facts,
        "base": base_facts(tuned.encoder),
        "versions": {name: version(name) for name in LIBRARIES},
        "largest_difference": {"probabilities_of_raw_photos": largest},
    }
    if trained is not None:
        write_trained(folder, trained)
    write_text(folder / CARD, pair_card(decision, facts, notes))
    seal(folder, facts)


def _ask(bundle: PairBundle, known: Sequence[KnownPair], tolerance: float) -> tuple[list[dict[str, Any]], float | None]:
    """What the bundle says of the run's own pairs, and by how much that differs from the run, at most."""
    there = [pair for pair in known if _digest(pair.path) == pair.digest]
    golden, largest = [], None
    for pair, said in zip(there, bundle.predict((pair.path, pair.text) for pair in there), strict=True):
        if said.probability is None:
            continue
        digest = hashlib.sha256(pair.text.encode()).hexdigest()
        golden.append({"sha256": pair.digest, "text_sha256": digest, "probability": said.probability})
        if pair.probability is None:
            continue
        difference = abs(said.probability - pair.probability)
        if not difference <= tolerance:
            raise RunError(
                f"of {pair.path} the run said {pair.probability:.4f}, and the bundle {said.probability:.4f}; nothing "
                "was written (were the encoder's weights or this program changed since?)"
            )
        largest = max(largest or 0.0, difference)
    return golden, largest


def _made(bundle: PairBundle, size: int) -> dict[str, Any]:
    """Cosines of inputs that anyone can make again."""
    return {"texts": list(_TEXTS), "size": size, "cosines": bundle.cosines(golden_pixels(size), list(_TEXTS)).tolist()}


def _decision(tuned: TunedPairs) -> dict[str, Any]:
    return {
        "task": tuned.task,
        "family": "clip",
        "head": "pairs",
        "labels": list(CLASSES),
        "cosine": {"scale": tuned.scale, "bias": tuned.bias},
        "thresholds": {MATCH: tuned.threshold.to_json()},
        "temperature": tuned.temperature.to_json(),
    }


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
