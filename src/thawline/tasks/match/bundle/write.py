"""A matcher: what a run fitted, as a bundle is written from it: both networks with what was trained in place."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import HEAD, PREPROCESSING, TEXT, VISION
from thawline.bundles.networks.classifier import Classifier, preprocessing_json
from thawline.bundles.networks.families import save_network
from thawline.bundles.networks.text import save_text
from thawline.bundles.write import CPU, BundleChecks, KnownFile, base_facts, furthest
from thawline.data.pairs.labels import CLASSES, MATCH
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load, load_text
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers, TextTower
from thawline.errors import UserError
from thawline.files import write_json
from thawline.tasks.match.bundle.card import pair_card
from thawline.tasks.match.bundle.pairs import PairBundle, load_pairs

_TEXTS = ("a photo of a red car", "two dogs running on the grass", "a wooden chair", "an empty street at night")


@dataclass(frozen=True)
class KnownPair(KnownFile):
    """A pair that the run judged; `said` is the probability of a match alone, [1].

    Attributes:
        text: The text.
    """

    text: str


@dataclass(frozen=True)
class Joined:
    """Both networks in memory.

    Attributes:
        image: The image encoder, trained stages in their place.
        text: The text encoder, likewise.
        weights: A digest of their weights before any was trained.
    """

    image: Encoder
    text: TextTower
    weights: str


@dataclass(frozen=True)
class TunedPairs:
    """What a run of the match task fitted; see `bundles.write.Tuned`.

    Attributes:
        task: The task's name.
        encoder: The settings of the pretrained CLIP, or of the image encoder.
        decode: How large JPEGs are decoded.
        tails: The cut, and the state-dict above it, of the image's and of the text's tower.
        scale: What the cosine is multiplied by.
        bias: What is added to it.
        threshold: From which probability on a pair is a match.
        temperature: Fitted beforehand.
        text: The settings of the text encoder where it is no part of a CLIP; `encoder` is the image's then.
        projections: Of these two into one space: tensors by their names in the head.
    """

    task: str
    encoder: EncoderSettings
    decode: str
    tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]]
    scale: float
    bias: float
    threshold: Threshold
    temperature: Temperature
    text: EncoderSettings | None = None
    projections: Mapping[str, torch.Tensor] = field(default_factory=dict)
    load = staticmethod(load_pairs)
    card = staticmethod(pair_card)

    @cached_property
    def _joined(self) -> Joined:
        if self.text is None:
            return _join(self.encoder, self.tails, self.scale, self.bias)
        return _join_two(self.encoder, self.text, self.tails)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write both networks and the preprocessing."""
        joined = self._joined
        save_network(folder, self.encoder, joined.image, None, ())
        if self.text is not None:
            save_text(folder, self.text.family, joined.text)
            state = {name: tensor.contiguous().clone() for name, tensor in self.projections.items()}
            save_file(state, folder / HEAD, metadata={"format": "pt"})
        write_json(folder / PREPROCESSING, preprocessing_json(replace(_preprocessing(joined), decode=self.decode)))
        return {
            "task": self.task,
            "family": self.encoder.family,
            **({} if self.text is None else {"text": {"family": self.text.family}}),
            "head": "pairs",
            "labels": list(CLASSES),
            "cosine": {"scale": self.scale, "bias": self.bias},
            "thresholds": {MATCH: self.threshold.to_json()},
            "temperature": self.temperature.to_json(),
        }

    def ask(self, bundle: PairBundle, known: Sequence[KnownPair], tolerance: float) -> BundleChecks:
        """Ask about golden pixels with texts, and about the run's own pairs."""
        answers = zip(known, bundle.predict((pair.path, pair.text) for pair in known), strict=True)
        said = [(pair, answer.probability) for pair, answer in answers if answer.probability is not None]
        size = bundle.preprocessing.size
        made = {"texts": list(_TEXTS), "size": size, "cosines": bundle.cosines(golden_pixels(size), [*_TEXTS]).tolist()}
        golden = [
            {
                "sha256": pair.digest,
                "text_sha256": hashlib.sha256(pair.text.encode()).hexdigest(),
                "probability": probability,
            }
            for pair, probability in said
        ]
        largest = furthest(((pair, np.array([each])) for pair, each in said), [MATCH], tolerance)
        base: dict[str, Any] = {"weights": self._joined.weights}
        if self.text is not None:
            base["text"] = base_facts(self.text)
        return BundleChecks({"made": made, "pairs": golden}, {"probabilities_of_raw_photos": largest}, base=base)

    def graphs(self, folder: Path, bundle: PairBundle) -> dict[str, float]:
        """Write `vision.onnx` and `text.onnx`, whose unit vectors' product is the cosine."""
        from thawline.bundles.networks.onnx import Units, write_text, write_vision  # late: an extra that few install

        image, towers = bundle.towers.image, bundle.towers
        of_image, of_text = towers.projections
        units = Classifier(image.prefix(len(image.stages)), Units(of_image), CPU)
        return {
            VISION: write_vision(folder, units, bundle.preprocessing),
            TEXT: write_text(folder, towers.text, _TEXTS, of_text),
        }


def save_towers(
    folder: Path,
    encoder: EncoderSettings,
    tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]],
    scale: float,
    bias: float,
) -> None:
    """Write the CLIP that `from_pretrained` loads, trained towers in their place.

    Args:
        folder: Where to.
        encoder: The settings of the pretrained CLIP.
        tails: The cut, and the state-dict above it, of the image's and of the text's tower.
        scale: What its cosine is multiplied by.
        bias: What is added to it, for which a SigLIP alone has a place.

    Raises:
        UserError: The pretrained weights are not on this machine, or are no CLIP's.
    """
    save_network(folder, encoder, _join(encoder, tails, scale, bias).image, None, ())


def _join(
    encoder: EncoderSettings, tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]], scale: float, bias: float
) -> Joined:
    """The CLIP with its trained towers in their place."""
    towers = load(replace(encoder, precision="float32"), fresh=True)
    if not isinstance(towers, ClipTowers):
        raise UserError("only a CLIP, whose towers read images and texts, can be written as one directory")
    joined = _put(towers.image, TextTower(towers.text, towers.tokenize), tails)
    model: Any = towers.image.model
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))
        if getattr(model, "logit_bias", None) is not None:  # SigLIP's sigmoid
            model.logit_bias.fill_(bias)
    return joined


def _join_two(
    encoder: EncoderSettings, text: EncoderSettings, tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]]
) -> Joined:
    """Two networks that were trained apart, with what was trained in place."""
    seeing = load(replace(encoder, precision="float32"), fresh=True)
    reading = load_text(replace(text, precision="float32"), fresh=True)
    if not isinstance(reading, TextTower):
        raise UserError(f"the text encoder {text.name} can't be exported beside another image encoder")
    return _put(seeing.image if isinstance(seeing, ClipTowers) else seeing, reading, tails)


def _put(image: Encoder, text: TextTower, tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]]) -> Joined:
    both = (image, text.text)
    weights = hashlib.sha256("".join(tower.digest() for tower in both).encode()).hexdigest()
    for tower, (cut, state) in zip(both, tails, strict=True):
        tower.load_tail(cut, state)
    return Joined(image, text, weights)


def _preprocessing(joined: Joined) -> Preprocessing:
    if joined.image.preprocessing is None:
        raise ValueError("an image encoder has a preprocessing")
    return joined.image.preprocessing
