"""A bundle of classes of photos in use. Needs neither Lightning nor Hydra."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.numpy import load_file

from thawline.bundles.bounds import answering, numbers
from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import GOLDEN, SURROUNDINGS
from thawline.bundles.networks.classifier import Classifier, load_classifier, read_preprocessing
from thawline.bundles.networks.families import load_towers
from thawline.bundles.pictures import Photo, each, name_of, picture_of, read_picture
from thawline.data.photos.people import people_note
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS, Preprocessing
from thawline.decisions.abstention import UNKNOWN
from thawline.decisions.out_of_place import OUT_OF_PLACE, UNSURE, Surroundings
from thawline.decisions.temperature import calibrated
from thawline.encoders.settings import TOWERS
from thawline.encoders.towers import ClipTowers
from thawline.errors import UnusableError, UserError
from thawline.features.passes.workers import BATCH
from thawline.files import read_json

# Of a photo: its probabilities, why the answer is `unknown`, and its distance from the classes.
_Said = tuple[NDArray[np.float32], str | None, float | None]

SCORES = "scores"  # what `decision.json` calls the target of a model that gives scores
_AHEAD = 4 * BATCH  # files that are being read before their turn


@dataclass(frozen=True)
class Prediction:
    """What a bundle says of one file.

    Attributes:
        path: As it was given; of a photo in memory its size.
        label: The most probable class; `unknown` where the bundle does not answer; None where the file can't be used.
        probabilities: By class; empty where the file can't be used.
        problem: Why the file can't be used, one phrase; None if it can.
        tags: The classes that reach their thresholds, the most probable first, where a photo can have several; None: it
            has one.
        why: Why the label is `unknown`: `unsure`, since too many such answers would be wrong, or `out of place`; None:
            it is not.
        distance: How far it lies from the classes, where the bundle tells what is out of place; None: it does not.
        score: The number that it is said to have, where photos have scores; then there are neither label nor
            probabilities. None: photos have classes, or the file can't be used.
    """

    path: str
    label: str | None
    probabilities: dict[str, float]
    problem: str | None = None
    tags: tuple[str, ...] | None = None
    why: str | None = None
    distance: float | None = None
    score: float | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """Its label or, where it can have several, those that reach their thresholds; none where it can't be used."""
        if self.tags is not None:
            return self.tags
        return () if self.label is None else (self.label,)

    @property
    def probability(self) -> float | None:
        """Of the most probable class; None where the file can't be used."""
        return max(self.probabilities.values(), default=None)


class Bundle:
    """A tuned model that was loaded from its directory.

    Attributes:
        task: The task that it was trained for.
        path: Its directory.
        labels: Names of the classes.
        preprocessing: How a photo becomes the pixels that enter the network.
        temperature: What makes the probabilities as sure as they are right; see `decision.json` for what it was fitted
            on.
        max_megapixels: Larger photos, or those that take as much memory to decode, can't be used; set it to use them.
        manifest: What `manifest.json` says: versions, hashes, metrics, licence.
        classifier: The network with its head.
        thresholds: From which probability on a photo has a class, where it can have several; None: it has one.
        renamed: The new name of each class that its run renamed; folders and tables may call it by either.
        answers_from: From which probability on, at its temperature, the most probable class is the answer, and
            `unknown` below it; None: it always answers.
        out_of_place_from: Beyond which distance from the classes a photo is out of place, and `unknown`; None: none is.
        notes: Sentences that go with all that it says.
        scored: The label whose probability is a photo's score; None: photos have no score.
        gives_scores: Whether it gives a number, not classes.
    """

    task: str
    scored: str | None = None
    gives_scores: bool = False
    notes: tuple[str, ...] = ()
    max_megapixels = MAX_MEGAPIXELS

    def __init__(
        self,
        path: Path,
        manifest: dict[str, Any],
        decision: dict[str, Any],
        preprocessing: Preprocessing,
        classifier: Classifier,
        towers: Callable[[], ClipTowers] | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Take what was verified and loaded; `thawline.load` does both.

        `towers` gives the CLIP that the network is of; None: it is no CLIP and knows no texts. `surroundings` are where
        photos of the classes lie; None: it does not tell what is out of place.
        """
        self.path = path
        self.labels = tuple(str(label) for label in decision["labels"])
        self.preprocessing = preprocessing
        self.temperature = float(decision["temperature"]["value"])
        if not self.temperature > 0:
            raise ValueError("its temperature is not above 0")
        self.thresholds = _thresholds(decision.get("thresholds"), self.labels)
        self.renamed = dict(decision.get("renamed") or {})
        self.answers_from = _answers_from(decision.get("abstention"))
        self.out_of_place_from = None if surroundings is None else float(decision["out_of_place"]["threshold"])
        self._surroundings = surroundings
        self.manifest = manifest
        self.classifier = classifier
        self._towers = None if towers is None else cache(towers)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it may say `unknown`; none: it always answers."""
        unsure = (UNSURE,) if self.answers_from is not None else ()
        return (*unsure, *((OUT_OF_PLACE,) if self.out_of_place_from is not None else ()))

    @property
    def knows_texts(self) -> bool:
        """Whether `cosines` can compare photos with texts."""
        return self._towers is not None

    def predict(self, photos: Photo | Iterable[Photo], *, calibrated: bool = False) -> Iterator[Prediction]:
        """Say what each photo shows, in the order of `photos`, while they are drawn: a million take no more memory.

        Args:
            photos: Files, Pillow's images, or arrays uint8 [height, width, 3] (RGB) or [height, width] (grey); or a
                single one of these. A generator is drawn as it is needed. Of a photo in memory a bundle of
                `data.decode=reduced` says a little else than of a large JPEG, which it decodes at a smaller scale.
            calibrated: Whether probabilities are at the bundle's temperature. False: they are the run's own.

        Raises:
            UserError: One is no picture, an array of floats say. A file that can't be used has its problem said.
        """
        waiting = self._read_ahead(iter(each(photos)))
        while batch := list(islice(waiting, BATCH)):
            usable = [pixels for _, pixels, _ in batch if pixels is not None]
            said = iter(self._said(torch.stack(usable), at_temperature=calibrated) if usable else ())
            for path, pixels, problem in batch:
                yield Prediction(path, None, {}, problem) if pixels is None else self._prediction(path, *next(said))

    def pixels(self, photo: Photo) -> torch.Tensor:
        """What enters the network for a photo: uint8 [3, size, size], not yet normalised.

        Raises:
            UserError: The file can't be used.
        """
        return picture_of(photo, self.preprocessing, self.max_megapixels)

    def __repr__(self) -> str:
        return f"Bundle({str(self.path)!r}, {len(self.labels)} classes: {', '.join(self.labels)})"

    def logits(self, pixels: torch.Tensor) -> NDArray[np.float32]:
        """Logits [n, classes] of uint8 pixels [n, 3, size, size].

        Raises:
            UserError: The bundle's files don't go together.
        """
        return self.logits_and_distances(pixels)[0]

    def logits_and_distances(self, pixels: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float64] | None]:
        """Logits [n, classes] of uint8 pixels [n, 3, size, size], and how far each lies from the classes, [n].

        The distances are None where it does not tell what is out of place.

        Raises:
            UserError: The bundle's files don't go together.
        """
        with answering(self.path):
            logits, features = self.classifier.logits_and_features(pixels)
            if numbers(logits).shape[1] != len(self.labels):
                raise ValueError(f"its network tells {logits.shape[1]} classes apart, and it names {len(self.labels)}")
            distances = None if self._surroundings is None else self._surroundings.distances(features)
        return logits, distances

    @torch.no_grad()
    def cosines(self, images: torch.Tensor, texts: list[str]) -> NDArray[np.float32]:
        """Cosines [n] of images uint8 [n, 3, size, size] and as many texts, by the CLIP that the network is of.

        Raises:
            UserError: It is no CLIP, or its files don't go together.
        """
        if self._towers is None:
            raise UserError(f"the bundle {self.path} is no CLIP, and can't compare photos with texts")
        with answering(self.path):
            towers = self._towers()
            text = towers.text.prefix(len(towers.text.stages))(towers.tokenize(texts))["features"]
            return numbers(F.cosine_similarity(self.classifier.features(images), text, dim=-1).float().numpy())

    def check(self) -> float:
        """By how much the logits of the golden inputs differ on this machine from those of the export, at most.

        Their distances from the classes as well, where it tells what is out of place.
        """
        made = read_json(self.path / GOLDEN)["made"]
        wanted = np.array(made["logits"], dtype=np.float32)
        logits, distances = self.logits_and_distances(golden_pixels(int(made["size"])))
        differences = [np.abs(logits - wanted).max()]
        if distances is not None:
            differences.append(np.abs(distances - np.array(made["distances"])).max())
        return float(max(differences))

    def answered(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where the most probable class is the answer, [n], of `probabilities` [n, classes] at its temperature."""
        # In double precision: rounded to single, the threshold could fall on the probability below it.
        given: NDArray[np.bool_] = probabilities.max(axis=1).astype(np.float64) >= (self.answers_from or 0.0)
        return given

    def _said(self, pixels: torch.Tensor, *, at_temperature: bool) -> Iterator[_Said]:
        """What is said of each photo."""
        given, distances = self.logits_and_distances(pixels)
        logits = torch.from_numpy(given)
        if self.thresholds is not None:  # each class is told by itself, and no temperature was fitted
            return ((row, None, None) for row in torch.sigmoid(logits).numpy())
        plain: NDArray[np.float32] = torch.softmax(logits, dim=-1).numpy()
        at = calibrated(plain, self.temperature)
        far: list[float | None] = [None] * len(at) if distances is None else distances.tolist()
        why = map(self._why, self.answered(at), far)
        return zip(at if at_temperature else plain, why, far, strict=True)

    def _why(self, answered: bool, distance: float | None) -> str | None:
        """Why the answer is `unknown`; None: it is not."""
        if distance is not None and self.out_of_place_from is not None and distance > self.out_of_place_from:
            return OUT_OF_PLACE
        return None if answered else UNSURE

    def _prediction(self, path: str, said: NDArray[np.float32], why: str | None, distance: float | None) -> Prediction:
        label, probabilities = self.labels[int(said.argmax())], dict(zip(self.labels, said.tolist(), strict=True))
        tags = self._reached(probabilities)
        return Prediction(path, label if why is None else UNKNOWN, probabilities, None, tags, why, distance)

    def _reached(self, probabilities: Mapping[str, float]) -> tuple[str, ...] | None:
        if self.thresholds is None:
            return None
        reached = [name for name, edge in self.thresholds.items() if probabilities[name] >= edge]
        return tuple(sorted(reached, key=lambda name: -probabilities[name]))

    def _read_ahead(self, photos: Iterator[Photo]) -> Iterator[tuple[str, torch.Tensor | None, str | None]]:
        """Path, pixels and problem of each photo, read on all cores a little ahead of their use."""
        with ThreadPoolExecutor(os.cpu_count(), "thawline-read") as pool:
            waiting: deque[tuple[str, Future[torch.Tensor]]] = deque()
            try:
                for photo in photos:
                    reads = pool.submit(read_picture, photo, self.preprocessing, self.max_megapixels)
                    waiting.append((name_of(photo), reads))
                    if len(waiting) > _AHEAD:
                        yield _finished(waiting)
                while waiting:
                    yield _finished(waiting)
            finally:
                for _, future in waiting:
                    future.cancel()


class ScoreBundle(Bundle):
    """A tuned model that gives a photo's score, a number: `predict` gives it as `score`, and no label."""

    gives_scores = True

    def __repr__(self) -> str:
        return f"ScoreBundle({str(self.path)!r})"

    def _said(self, pixels: torch.Tensor, *, at_temperature: bool) -> Iterator[_Said]:
        """The score of each photo."""
        if at_temperature:
            raise UserError(f"{self.path} gives scores, which have no temperature; leave out calibrated=true")
        return ((row, None, None) for row in self.logits(pixels))

    def _prediction(self, path: str, said: NDArray[np.float32], why: str | None, distance: float | None) -> Prediction:
        return Prediction(path, None, {}, None, why=why, distance=distance, score=float(said[0]))


def _thresholds(given: Mapping[str, Any] | None, labels: Sequence[str]) -> dict[str, float] | None:
    """The threshold of each label, as `decision.json` has it."""
    return None if given is None else {name: float(given[name]) for name in labels}


def _answers_from(given: Mapping[str, Any] | None) -> float | None:
    """From which probability on it answers, as `decision.json` has it; bundles of before have nothing of it."""
    if given is None:
        return None
    threshold = float(given["threshold"])
    if not 0 <= threshold <= 1:
        raise ValueError("the probability from which on it answers is no probability")
    return threshold


def _finished(waiting: deque[tuple[str, Future[torch.Tensor]]]) -> tuple[str, torch.Tensor | None, str | None]:
    path, future = waiting.popleft()
    try:
        return path, future.result(), None
    except UnusableError as error:
        return path, None, str(error)


def load_photos(folder: Path, manifest: dict[str, Any], decision: dict[str, Any], device: torch.device) -> Bundle:
    """The bundle in `folder`, whose files were verified.

    Raises:
        ValueError, KeyError: The files are of another form.
    """
    classifier, how = load_classifier(folder, decision, device), read_preprocessing(folder)
    family = decision["family"]
    towers = partial(load_towers, folder, family, how) if family in TOWERS else None
    placed = decision.get("out_of_place")  # bundles of before have nothing of it
    surroundings = None if placed is None else Surroundings.from_arrays(load_file(folder / SURROUNDINGS))
    kind = ScoreBundle if decision.get("target") == SCORES else Bundle
    bundle = kind(folder, manifest, decision, how, classifier, towers, surroundings)
    if (people_from := decision.get("people_from")) is not None:
        bundle.notes = (people_note(float(people_from)),)
    return bundle
