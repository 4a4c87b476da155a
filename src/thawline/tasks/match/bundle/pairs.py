"""A matcher in use: does this text describe this picture. Its directory is a CLIP's, with a decision beside.

Or it is that of a network that sees, with another beside that reads, and the way of both into one space.
"""

import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from thawline.bundles.bounds import answering, numbers
from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import GOLDEN, HEAD
from thawline.bundles.networks.classifier import read_preprocessing
from thawline.bundles.pictures import Photo, name_of, picture_of, read_picture
from thawline.data.pairs.labels import CLASSES, MATCH
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS, Preprocessing
from thawline.decisions.temperature import calibrated
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import TOWERS
from thawline.encoders.towers import TextTower
from thawline.errors import UnusableError
from thawline.features.passes.workers import BATCH
from thawline.files import read_json
from thawline.tasks.match.tail import load_projections

# A threshold that calls nothing a match lies a little above 1.
_ABOVE_ALL = 1.001


@dataclass(frozen=True)
class Towers:
    """What sees and what reads.

    Attributes:
        image: Of pictures.
        text: Of texts.
        projections: What leads what each gives to the space of both; it is that already where nothing is done.
    """

    image: Encoder
    text: TextTower
    projections: tuple[nn.Module, nn.Module]


@dataclass(frozen=True)
class Match:
    """What a matcher says of a picture and a text.

    Attributes:
        image: As it was given.
        text: As it was given.
        is_mismatch: Whether the probability of a match is below the threshold; None where the file can't be used.
        similarity: The cosine of the two.
        probability: Of a match, 0 to 1.
        threshold: From which probability on it is a match; at the same temperature as the probability.
        problem: Why the file can't be used, one phrase; None if it can.
    """

    image: str
    text: str
    is_mismatch: bool | None
    similarity: float | None
    probability: float | None
    threshold: float
    problem: str | None = None


class PairBundle:
    """A tuned matcher that was loaded from its directory.

    Attributes:
        task: The task that it was trained for.
        path: Its directory.
        labels: What it can answer.
        threshold: From which probability on a pair is a match; see `decision.json` for what it was fitted for.
        temperature: What makes the probabilities as sure as they are right.
        preprocessing: How a photo becomes the pixels that enter the network.
        max_megapixels: Larger photos, or those that take as much memory to decode, can't be used; set it to use them.
        manifest: What `manifest.json` says.
        towers: Both networks.
    """

    task: str
    labels = CLASSES
    max_megapixels = MAX_MEGAPIXELS

    def __init__(
        self,
        path: Path,
        manifest: dict[str, Any],
        decision: dict[str, Any],
        preprocessing: Preprocessing,
        towers: Towers,
        device: torch.device,
    ) -> None:
        """Take what was verified and loaded; `thawline.load` does both."""
        self.path = path
        self.manifest = manifest
        self.preprocessing = preprocessing
        self.threshold = float(decision["thresholds"][MATCH]["value"])
        self.temperature = float(decision["temperature"]["value"])
        self._scale, self._bias = float(decision["cosine"]["scale"]), float(decision["cosine"]["bias"])
        above_0 = all(math.isfinite(each) and each > 0 for each in (self._scale, self.temperature))
        if not (above_0 and math.isfinite(self._bias) and 0 <= self.threshold < _ABOVE_ALL):
            raise ValueError("its decision has numbers out of their range")
        self.towers = towers
        self._image = towers.image.prefix(len(towers.image.stages)).to(device)
        self._text = towers.text.text.prefix(len(towers.text.text.stages)).to(device)
        self._projections = [projection.to(device) for projection in towers.projections]
        self._tokenize, self._device = towers.text.tokenize, device

    def __repr__(self) -> str:
        return f"PairBundle({str(self.path)!r}, a match from probability {self.threshold:.3f} on)"

    def compute_similarity(self, image: Photo, text: str) -> float:
        """The cosine of a picture and a text, −1 to 1.

        Args:
            image: A file, or a picture in memory: one of Pillow's, or an array as `Bundle.predict` takes it.
            text: What may describe it; a CLIP reads its first 77 tokens.

        Raises:
            UserError: The file can't be used.
        """
        return float(self.cosines(self.pixels(image)[None], [text])[0])

    def detect_mismatch(self, image: Photo, text: str, *, calibrated: bool = False) -> dict[str, Any]:
        """Does the text describe the picture?

        Args:
            image: A file, or a picture in memory: one of Pillow's, or an array as `Bundle.predict` takes it.
            text: What may describe it.
            calibrated: Whether probability and threshold are at the bundle's temperature; the answer is the same.

        Returns:
            is_mismatch, similarity (the cosine), probability (of a match), threshold.

        Raises:
            UserError: The file can't be used.
        """
        cosine = self.cosines(self.pixels(image)[None], [text])
        said = self._match(name_of(image), text, float(cosine[0]), calibrated)
        return {name: getattr(said, name) for name in ("is_mismatch", "similarity", "probability", "threshold")}

    def predict(self, pairs: Iterable[tuple[Photo, str]], *, calibrated: bool = False) -> Iterator[Match]:
        """Judge pictures and texts, in their order, while they are drawn; one that can't be used is told with why."""
        waiting = iter(pairs)
        with ThreadPoolExecutor(os.cpu_count(), "thawline-read") as pool:
            while batch := list(islice(waiting, BATCH)):
                read = list(pool.map(self._read, (image for image, _ in batch)))
                usable = [i for i, (found, _) in enumerate(read) if found is not None]
                stacked = [found for found, _ in read if found is not None]
                cosines = self.cosines(torch.stack(stacked), [batch[i][1] for i in usable]) if usable else ()
                said = dict(zip(usable, cosines, strict=True))
                for i, (image, text) in enumerate(batch):
                    name, problem = name_of(image), read[i][1]
                    cosine = None if problem is not None else float(said[i])
                    yield self._match(name, text, cosine, calibrated, problem)

    def pixels(self, image: Photo) -> torch.Tensor:
        """What enters the network for a picture: uint8 [3, size, size], not yet normalised.

        A bundle of `data.decode=reduced` decodes the files of large JPEGs at a smaller scale, so of the same photo in
        memory it says a little else.

        Raises:
            UserError: The file can't be used.
        """
        return picture_of(image, self.preprocessing, self.max_megapixels)

    @torch.no_grad()
    def cosines(self, images: torch.Tensor, texts: list[str]) -> NDArray[np.float32]:
        """Cosines [n] of images uint8 [n, 3, size, size] and as many texts.

        Raises:
            UserError: The bundle's files don't go together.
        """
        starts = range(0, len(images), BATCH)
        with answering(self.path):
            parts = [self._cosines(images[at : at + BATCH], texts[at : at + BATCH]) for at in starts]
            return numbers(np.concatenate(parts))

    def threshold_at(self, *, calibrated: bool) -> float:
        """From which probability on a pair is a match, at the bundle's temperature or at the run's own scale."""
        return self._at_temperature(self.threshold) if calibrated else self.threshold

    def check(self) -> float:
        """By how much the cosines of the golden inputs differ on this machine from those of the export, at most."""
        made = read_json(self.path / GOLDEN)["made"]
        said = self.cosines(golden_pixels(int(made["size"])), [str(text) for text in made["texts"]])
        return float(np.abs(said - np.array(made["cosines"], dtype=np.float32)).max())

    def _cosines(self, images: torch.Tensor, texts: list[str]) -> NDArray[np.float32]:
        # Batches of one size: what is said of a picture does not depend on what it is asked with.
        filled = torch.cat([images, images[:1].expand(BATCH - len(images), -1, -1, -1)])
        image = self._image({"pixels": filled.to(self._device)})["features"][: len(images)]
        tokens = {name: tensor.to(self._device) for name, tensor in self._tokenize(texts).items()}
        text = self._text(tokens)["features"]
        image, text = (project(each) for project, each in zip(self._projections, (image, text), strict=True))
        found: NDArray[np.float32] = F.cosine_similarity(image, text, dim=-1).float().cpu().numpy()
        return found

    def _match(
        self, image: str, text: str, cosine: float | None, at_temperature: bool, problem: str | None = None
    ) -> Match:
        threshold = self.threshold_at(calibrated=at_temperature)
        if cosine is None:
            return Match(image, text, None, None, None, threshold, problem)
        score = max(-80.0, min(80.0, self._scale * cosine + self._bias))
        plain = float(np.float32(1 / (1 + math.exp(-score))))  # as the run has it
        shown = self._at_temperature(plain) if at_temperature else plain
        # As `Threshold.decide` has it, in double precision.
        return Match(image, text, plain < self.threshold, cosine, shown, threshold)

    def _at_temperature(self, probability: float) -> float:
        if not 0 < probability < 1:
            return probability
        return float(calibrated(np.array([[1 - probability, probability]]), self.temperature)[0, 1])

    def _read(self, image: Photo) -> tuple[torch.Tensor | None, str | None]:
        try:
            return read_picture(image, self.preprocessing, self.max_megapixels), None
        except UnusableError as error:
            return None, str(error)


def load_pairs(folder: Path, manifest: dict[str, Any], decision: dict[str, Any], device: torch.device) -> PairBundle:
    """The matcher in `folder`, whose files were verified.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    preprocessing = read_preprocessing(folder)
    if "text" in decision:
        towers = _load_two(folder, decision, preprocessing)
    elif decision["family"] in TOWERS:
        from thawline.bundles.networks.families import load_towers

        clip = load_towers(folder, decision["family"], preprocessing)
        towers = Towers(clip.image, TextTower(clip.text, clip.tokenize), (nn.Identity(), nn.Identity()))
    else:
        raise ValueError(f"a matcher is a CLIP, and not of the family '{decision['family']}'")
    return PairBundle(folder, manifest, decision, preprocessing, towers, device)


def _load_two(folder: Path, decision: dict[str, Any], preprocessing: Preprocessing) -> Towers:
    """The two networks, which were trained apart."""
    from thawline.bundles.networks.families import load_network
    from thawline.bundles.networks.text import load_text

    image = load_network(folder, decision["family"], preprocessing, (), classified=False).encoder
    text = load_text(folder, decision["text"]["family"])
    projections = load_projections(load_file(folder / HEAD))
    for encoder, projection in zip((image, text.text), projections, strict=True):
        if projection.layer.in_features != encoder.dim:
            raise ValueError(f"{HEAD} takes other features than {encoder.family} gives")
    return Towers(image, text, projections)
