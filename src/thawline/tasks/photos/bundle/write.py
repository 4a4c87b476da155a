"""Classes of photos: what a run fitted, as a bundle is written from it and compared with it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import nn

from thawline.bundles.golden import RECIPE, golden_pixels
from thawline.bundles.heads import (
    ClassHead,
    fold,
    rebuild_photo_head,
    rebuild_prompts,
    save_head,
    state_part,
    text_part,
)
from thawline.bundles.manifest import PREPROCESSING, SURROUNDINGS, TEXT, VISION
from thawline.bundles.networks.classifier import Classifier, preprocessing_json
from thawline.bundles.networks.families import save_network
from thawline.bundles.write import CPU, BundleChecks, KnownFile, furthest, joined_difference
from thawline.data.photos.preprocessing import Preprocessing
from thawline.decisions.abstention import Abstention
from thawline.decisions.out_of_place import OutOfPlace, Surroundings
from thawline.decisions.temperature import Temperature
from thawline.encoders.encoder import Encoder
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.towers import ClipTowers
from thawline.files import write_json
from thawline.fitting.heads.head import DenseHead, Head, PromptHead
from thawline.fitting.heads.scores import OrdinalHead, ScoreHead
from thawline.tasks.photos.bundle.card import photo_card
from thawline.tasks.photos.bundle.photos import SCORES, Bundle, load_photos

CLEAR = 0.1  # how far the two best probabilities are apart where an answer may not depend on how a JPEG is decoded


@dataclass(frozen=True)
class Joined:
    """The whole network in memory.

    Attributes:
        image: The image encoder, trained stages in their place.
        towers: The CLIP that it belongs to, whose text tower has its trained stages too; None for other families.
        head: Features to logits.
        preprocessing: How a photo becomes pixels.
        weights: Digest of the image encoder's weights before any was trained.
    """

    image: Encoder
    towers: ClipTowers | None
    head: Head
    preprocessing: Preprocessing
    weights: str


@dataclass(frozen=True)
class TunedPhotos:
    """What a run fitted; see `bundles.write.Tuned`.

    Attributes:
        task: Its task.
        encoder: The settings of the pretrained network.
        decode: How large JPEGs are decoded: `reduced` or `full`.
        thaw: Where the thaw line is, as the run's settings say.
        state: The state-dict of the fitted tail.
        classes: Names of the classes.
        prompts: The prompts of each class, for a head of prompts; None otherwise.
        temperature: Fitted beforehand.
        thresholds: Of each class, where a photo can have several and each is told by itself; None: it has one.
        abstention: From which probability on it answers; None: always.
        renamed: The new name of each class that the run renamed.
        placed: From which distance on a photo is out of place, and where those of the classes lie; None: none is.
        text_thaw: Where the text encoder is cut.
        people_from: How sure a detector was that each photo shows people; None: it did not matter.
        scored: Whether it gives a score, not classes, of which `classes` has the name then.
    """

    task: str
    encoder: EncoderSettings
    decode: str
    thaw: int | str
    state: Mapping[str, torch.Tensor]
    classes: Sequence[str]
    prompts: Mapping[str, Sequence[str]] | None
    temperature: Temperature
    thresholds: Mapping[str, float] | None = None
    abstention: Abstention | None = None
    placed: tuple[OutOfPlace, Surroundings] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    text_thaw: int | str = "head"
    people_from: float | None = None
    scored: bool = False
    load = staticmethod(load_photos)
    card = staticmethod(photo_card)

    @cached_property
    def joined(self) -> Joined:
        """The pretrained network, loaded afresh, with what was trained in its place.

        Raises:
            UserError: The pretrained weights are not on this machine.
        """
        # A bundle computes in float32 wherever it is used, whatever its features were computed in.
        loaded = load(replace(self.encoder, precision="float32"), fresh=True)
        towers = loaded if isinstance(loaded, ClipTowers) else None
        image = loaded.image if isinstance(loaded, ClipTowers) else loaded
        weights = image.digest()
        image.load_tail(image.cut_for(self.thaw), state_part(self.state, "stages."))
        if image.preprocessing is None:
            raise ValueError("an image encoder has a preprocessing")
        how = replace(image.preprocessing, decode=self.decode)
        return Joined(image, towers, self._head(towers), how, weights)

    def _head(self, towers: ClipTowers | None) -> Head:
        """The fitted head; what was trained of the text encoder is put into `towers`."""
        state = state_part(self.state, "head.")
        if "class_of_prompt" not in state:
            return rebuild_photo_head(state)
        if not (trained := text_part(state)) or towers is None:
            return rebuild_prompts(state, None)
        text, cut = towers.text, towers.cut_text(self.text_thaw)
        text.load_tail(cut, trained)
        return rebuild_prompts(state, text.prefix(len(text.stages), cut))

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the network, its head and its preprocessing."""
        head = self.joined.head
        linear = None
        if isinstance(head, DenseHead) and isinstance(head.layers, nn.Linear) and not isinstance(head, OrdinalHead):
            linear = fold(head)
        inside = save_network(folder, self.encoder, self.joined.image, linear, self.classes)
        if not inside:
            save_head(folder, head)
        write_json(folder / PREPROCESSING, preprocessing_json(self.joined.preprocessing))
        out_of_place, surroundings = self.placed or (None, None)
        if surroundings is not None:
            save_file(surroundings.to_arrays(), folder / SURROUNDINGS)
        return {
            "task": self.task,
            "family": self.encoder.family,
            "head": "classifier" if inside else "prompts" if isinstance(head, PromptHead) else head.kind,
            "labels": list(self.classes),
            "prompts": None if self.prompts is None else {name: list(each) for name, each in self.prompts.items()},
            "temperature": self.temperature.to_json(),
            "thresholds": None if self.thresholds is None else dict(self.thresholds),
            "renamed": dict(self.renamed),
            "abstention": None if self.abstention is None else self.abstention.to_json(),
            "out_of_place": None if out_of_place is None else out_of_place.to_json(),
            **({} if self.people_from is None else {"people_from": self.people_from}),
            **({"target": SCORES} if self.scored else {}),
        }

    def ask(self, bundle: Bundle, known: Sequence[KnownFile], tolerance: float) -> BundleChecks:
        """Ask about golden pixels, which the parts in memory are asked about too, and about the run's own photos."""
        joined, size = self.joined, self.joined.preprocessing.size
        made = golden_pixels(size)
        logits, distances = bundle.logits_and_distances(made)
        parts = Classifier(joined.image.prefix(len(joined.image.stages)), joined.head, CPU)
        there, said, far = _answers(bundle, known)
        what = "scores" if self.scored else "probabilities"
        tolerance *= _spread(joined.head)
        differences = {
            "joined_logits": joined_difference(logits, parts.logits(made)),
            f"{what}_of_raw_photos": furthest(zip(there, said, strict=True), self.classes, tolerance),
            f"{what}_by_full_decoding": None,
        }
        notes = []
        if there and joined.preprocessing.decode != "full":
            full = copy.copy(bundle)
            full.preprocessing = replace(bundle.preprocessing, decode="full")
            _, other, _ = _answers(full, there)
            differences[f"{what}_by_full_decoding"] = float(np.abs(said - other).max())
            notes.append(self._decoding(said, other))
        photos: list[dict[str, Any]] = [
            {"sha256": one.digest, what: row.tolist()} for one, row in zip(there, said, strict=True)
        ]
        golden: dict[str, Any] = {"made": {"recipe": RECIPE, "size": size, "logits": logits.tolist()}, "photos": photos}
        if distances is not None:
            golden["made"]["distances"] = distances.tolist()
            for photo, distance in zip(photos, far, strict=True):
                photo["distance"] = distance
        return BundleChecks(golden, differences, notes, base={"weights": joined.weights})

    def _decoding(self, said: NDArray[np.float32], other: NDArray[np.float32]) -> str:
        """What the card says of decoding: `said` is of photos read at a reduced scale, `other` of the same in full."""
        if self.scored:
            return _decoding_of_scores(said, other)
        if self.thresholds is None:
            return _decoding(said, other)
        return _decoding_of_tags(said, other, np.array([self.thresholds[name] for name in self.classes]))

    def graphs(self, folder: Path, bundle: Bundle) -> dict[str, float]:
        """Write `vision.onnx` and, where classes are told by their prompts, `text.onnx`."""
        from thawline.bundles.networks.onnx import (  # late: an extra that few install
            write_text_of_classes,
            write_vision,
        )

        classifier, towers = bundle.classifier, self.joined.towers
        differences = {VISION: write_vision(folder, classifier, bundle.preprocessing)}
        if isinstance(classifier.head, ClassHead) and towers is not None and self.prompts is not None:
            differences[TEXT] = write_text_of_classes(folder, towers, self.prompts, classifier.head)
        return differences


def _answers(
    bundle: Bundle, known: Sequence[KnownFile]
) -> tuple[list[KnownFile], NDArray[np.float32], list[float | None]]:
    """The photos that can be read, and what `bundle` says of them: probabilities [photos, classes] and distances."""
    said = list(bundle.predict([photo.path for photo in known]))
    there = [photo for photo, each in zip(known, said, strict=True) if each.problem is None]
    usable = [each for each in said if each.problem is None]
    rows = [list(each.probabilities.values()) if each.score is None else [each.score] for each in usable]
    probabilities = np.array(rows, dtype=np.float32).reshape(len(there), len(bundle.labels))
    return there, probabilities, [each.distance for each in usable]


def _spread(head: Head) -> float:
    """By how much more the head's answers may differ than probabilities: their unit, and how they are rounded in it."""
    if isinstance(head, ScoreHead):
        return float(head.target_scale + head.target_mean.abs() / 1000)
    return float(head.levels[-1] - head.levels[0]) if isinstance(head, OrdinalHead) else 1.0


def _decoding_of_scores(said: NDArray[np.float32], other: NDArray[np.float32]) -> str:
    """What the card says of decoding at a reduced scale, by the scores of photos that were `said`, and in full."""
    return (
        "It decodes large JPEGs at a reduced scale. With full decoding, as other libraries do it, scores of "
        f"{len(said)} of the run's photos changed by {np.abs(said - other).max():.1g} at most."
    )


def _decoding_of_tags(said: NDArray[np.float32], other: NDArray[np.float32], edges: NDArray[np.float64]) -> str:
    """What the card says of decoding, by the probabilities of photos that can have several labels, from `edges` on."""
    clear = np.abs(said - edges) > CLEAR
    changed = clear & ((said >= edges) != (other >= edges))
    return (
        "It decodes large JPEGs at a reduced scale. With full decoding, as other libraries do it, probabilities of "
        f"{len(said)} of the run's photos changed by {np.abs(said - other).max():.1g} at most; of the {clear.sum()} "
        f"that are more than {CLEAR} from their label's threshold, {changed.sum()} came to lie on its other side."
    )


def _decoding(said: NDArray[np.float32], other: NDArray[np.float32]) -> str:
    """What the card says of decoding: `said` are probabilities of photos read at a reduced scale, `other` in full."""
    best = np.sort(said, axis=1)
    clear = best[:, -1] - best[:, -2] > CLEAR
    flipped = clear & (said.argmax(axis=1) != other.argmax(axis=1))
    return (
        "It decodes large JPEGs at a reduced scale. With full decoding, as other libraries do it, probabilities of "
        f"{len(said)} of the run's photos changed by {np.abs(said - other).max():.1g} at most; of the {clear.sum()} "
        f"whose two best classes are more than {CLEAR} apart, {flipped.sum()} got another answer."
    )
