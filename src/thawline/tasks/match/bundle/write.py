"""A matcher: what a run fitted, as a bundle is written from it: a CLIP directory with both trained towers in place."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import PREPROCESSING, TEXT, VISION
from thawline.bundles.networks.classifier import Classifier, preprocessing_json
from thawline.bundles.networks.transformers import CLIP
from thawline.bundles.write import CPU, Asked, Known, furthest
from thawline.data.pairs.labels import CLASSES, MATCH
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.files import write_json
from thawline.tasks.match.bundle.card import pair_card
from thawline.tasks.match.bundle.pairs import PairBundle, load_pairs

_TEXTS = ("a photo of a red car", "two dogs running on the grass", "a wooden chair", "an empty street at night")


@dataclass(frozen=True)
class KnownPair(Known):
    """A pair that the run judged; `said` is the probability of a match alone, [1].

    Attributes:
        text: The text.
    """

    text: str


@dataclass(frozen=True)
class TunedPairs:
    """What a run of the match task fitted; see `bundles.write.Tuned`.

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
    load = staticmethod(load_pairs)
    card = staticmethod(pair_card)

    @cached_property
    def _joined(self) -> tuple[ClipTowers, str]:
        return _join(self.encoder, self.tails, self.scale)

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the CLIP and its preprocessing."""
        towers, _ = self._joined
        CLIP.save(folder, self.encoder, towers.image, None, ())
        write_json(folder / PREPROCESSING, preprocessing_json(replace(_preprocessing(towers), decode=self.decode)))
        return {
            "task": self.task,
            "family": "clip",
            "head": "pairs",
            "labels": list(CLASSES),
            "cosine": {"scale": self.scale, "bias": self.bias},
            "thresholds": {MATCH: self.threshold.to_json()},
            "temperature": self.temperature.to_json(),
        }

    def ask(self, bundle: PairBundle, known: Sequence[KnownPair], tolerance: float) -> Asked:
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
        _, weights = self._joined
        return Asked(
            {"made": made, "pairs": golden}, {"probabilities_of_raw_photos": largest}, base={"weights": weights}
        )

    def graphs(self, folder: Path, bundle: PairBundle) -> dict[str, float]:
        """Write `vision.onnx` and `text.onnx`, whose unit vectors' product is the cosine."""
        from thawline.bundles.networks.onnx import Units, write_text, write_vision  # late: an extra that few install

        image = bundle.towers.image
        units = Classifier(image.prefix(len(image.stages)), Units(), CPU)
        return {
            VISION: write_vision(folder, units, bundle.preprocessing),
            TEXT: write_text(folder, bundle.towers, _TEXTS),
        }


def save_towers(
    folder: Path,
    encoder: EncoderSettings,
    tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]],
    scale: float,
) -> None:
    """Write the CLIP that `from_pretrained` loads, trained towers in their place.

    Args:
        folder: Where to.
        encoder: The settings of the pretrained CLIP.
        tails: The cut, and the state-dict above it, of the image's and of the text's tower.
        scale: What its cosine is multiplied by.

    Raises:
        UserError: The pretrained weights are not on this machine, or are no CLIP's.
    """
    towers, _ = _join(encoder, tails, scale)
    CLIP.save(folder, encoder, towers.image, None, ())


def _join(
    encoder: EncoderSettings, tails: Sequence[tuple[int, Mapping[str, torch.Tensor]]], scale: float
) -> tuple[ClipTowers, str]:
    """The CLIP with its trained towers in their place, and a digest of its weights before any was trained."""
    towers = load(replace(encoder, precision="float32"), fresh=True)
    if not isinstance(towers, ClipTowers):
        raise UserError("only a CLIP, whose towers read images and texts, can be written as one directory")
    both = (towers.image, towers.text)
    weights = hashlib.sha256("".join(tower.digest() for tower in both).encode()).hexdigest()
    for tower, (cut, state) in zip(both, tails, strict=True):
        tower.load_tail(cut, state)
    model: Any = towers.image.model
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))
    return towers, weights


def _preprocessing(towers: ClipTowers) -> Preprocessing:
    if towers.image.preprocessing is None:
        raise ValueError("an image encoder has a preprocessing")
    return towers.image.preprocessing
