"""The sample of a photo library: photos, what is written of them, their tags, and encodings of the people in them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.errors import UserError
from thawline.samples.camera import encode, take
from thawline.samples.marker import write_sample
from thawline.samples.scenes.captions import caption
from thawline.samples.scenes.occasions import OCCASIONS
from thawline.samples.scenes.scene import Scene
from thawline.samples.shoots import Photo, Photographers

FILE, TRUTH = "images_metadata.json", "people.json"
GROWTH = ("first.json", "second.json")  # the library at earlier dates; FILE is what it became
FOLDER = "images"
PEOPLE, TWINS = 40, 2  # persons, and pairs of twins among them: the first ones
# When a photo was added: before the first date, between it and the second, or after.
DATES = (datetime(2023, 6, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC))
_SHARES = (0.5, 0.75)  # of the photos that are there at each of the earlier dates
_WIDTH = 128
_APART = 0.5  # length of what differs between two photos of a person, whose encoding has length 1
_TWINS_ALIKE = 0.75  # cosine of the centres of twins
_ALONE = 0.45  # share of photos without a face that was found
_KEPT = 0.8  # share of what a scene has that somebody thought of as a tag
_LIGHT_WORDS = {"sunset": "sunset", "night": "night", "candlelight": "candles", "overcast": "clouds"}

# Raised when other bytes come out of the same seed.
_EDITION = 1
_WHAT = (
    "Synthetic photos drawn by `thawline sample library`, with captions, tags and encodings of faces that nobody has: "
    "no person, place or event in them exists. For trying Thawline out and for tests; results on them say nothing "
    "about real libraries."
)


@dataclass(frozen=True)
class LibrarySummary:
    """What a sample of a library holds.

    Attributes:
        root: Where it lies.
        file: The JSON list of all entries.
        growth: The same at two earlier dates, each a beginning of the next.
        truth: JSON: the person behind each face of each entry, by its id.
        entries: How many there are.
        faces: How many faces they have.
        people: How many persons these are of.
        already_there: The directory held this very sample, so nothing was written.
    """

    root: Path
    file: Path
    growth: tuple[Path, ...]
    truth: Path
    entries: int
    faces: int
    people: int
    already_there: bool


def make_library(directory: Path, *, items: int = 120, seed: int = 0) -> LibrarySummary:
    """Make the sample of a library: photos in `images/`, `images_metadata.json` with an entry each, and its beginnings.

    Args:
        directory: New or empty, or a sample made by the same call.
        items: How many photos, 20 to 5,000.
        seed: Any whole number.

    Raises:
        UserError: `directory` holds something else, or cannot be written; or too few or too many items.
    """
    if not 20 <= items <= 5000:
        raise UserError(f"a sample of a library has 20 to 5000 items, not {items}: change items")
    sample = _Sample(items, seed)
    there = write_sample(directory, sample)
    growth = tuple(directory / name for name in GROWTH)
    faces = [person for people in sample.truth.values() for person in people]
    return LibrarySummary(
        directory, directory / FILE, growth, directory / TRUTH, items, len(faces), len(set(faces)), there
    )


class _Sample:
    """Everything about a sample that is known before a photo is taken."""

    about = _WHAT

    def __init__(self, items: int, seed: int) -> None:
        self.settings: Mapping[str, str | int] = {
            "sample": "library",
            "edition": _EDITION,
            "items": items,
            "seed": seed,
        }
        self.broken: Mapping[str, str] = {}
        rng, people = Random(f"library {seed}"), Photographers(seed)
        planned: list[Photo] = []
        for number, occasion in enumerate(OCCASIONS):
            planned += people.photos(occasion, items // len(OCCASIONS) + (number < items % len(OCCASIONS)))
        rng.shuffle(planned)
        self.photos = {f"{FOLDER}/{PurePosixPath(photo.name).name}": photo for photo in planned}
        self.truth = {str(number): _who(rng) for number in range(1, items + 1)}
        encodings = Encodings(seed)
        self.entries = [
            _entry(number, name, photo.scene, _when(number / items, rng), encodings.of(self.truth[str(number)]), rng)
            for number, (name, photo) in enumerate(self.photos.items(), start=1)
        ]

    def names(self) -> set[str]:
        """Names of all files."""
        return {FILE, TRUTH, *GROWTH, *self.photos}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, drawn one by one."""
        for name, photo in self.photos.items():
            image = take(photo.scene, photo.camera, photo.shot)
            yield name, encode(image, photo.camera, photo.taken, PurePosixPath(name).suffix)
        for name, share in zip((*GROWTH, FILE), (*_SHARES, 1.0), strict=True):
            yield name, _json(self.entries[: round(share * len(self.entries))])
        yield TRUTH, _json({id_: [f"person {n}" for n in people] for id_, people in self.truth.items()})


class Encodings:
    """Encodings of faces that nobody has: those of a person lie about a centre of their own, twins' centres close by.

    Args:
        seed: Of the sample.
        people: How many persons, the first ones pairs of twins.
    """

    def __init__(self, seed: int, people: int = PEOPLE) -> None:
        self._rng = np.random.default_rng([seed, 128])
        self._centres = _unit(self._rng.normal(size=(people, _WIDTH)))
        for first in range(0, min(2 * TWINS, people - 1), 2):
            one, other = self._centres[first], self._centres[first + 1]
            across = _unit(other - (other @ one) * one)
            self._centres[first + 1] = _TWINS_ALIKE * one + np.sqrt(1 - _TWINS_ALIKE**2) * across

    def of(self, people: Sequence[int]) -> npt.NDArray[np.float64]:
        """[people, 128] an encoding of each of length 1, a new one in every photo."""
        noise = self._rng.normal(size=(len(people), _WIDTH)) * (_APART / np.sqrt(_WIDTH))
        return _unit(self._centres[list(people)] + noise)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scaled: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def _who(rng: Random) -> list[int]:
    """The persons in a photo: some are in many, most in a few."""
    if rng.random() < _ALONE:
        return []
    weights = [1 / (2 + person) for person in range(PEOPLE)]
    chosen = rng.choices(range(PEOPLE), weights, k=rng.choices((1, 2, 3), (0.6, 0.3, 0.1))[0])
    return list(dict.fromkeys(chosen))


def _when(share: float, rng: Random) -> datetime:
    """When a photo was added, by its place among all: entries come in the order of time."""
    period = sum(share > until for until in _SHARES)
    return DATES[period] + timedelta(seconds=round(share * 86_400 * 100) + rng.randrange(600))


def _entry(
    number: int, name: str, scene: Scene, at: datetime, faces: npt.NDArray[np.float64], rng: Random
) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": number, "image_path": name, "description": _sentence(scene, rng)}
    if rng.random() < 0.7:
        entry["detailed_description"] = " ".join(_sentence(scene, rng) for _ in range(3))
    entry["meta_tags"] = _tags(scene, rng)
    if len(faces):
        entry["face_encodings"] = [[round(float(value), 5) for value in face] for face in faces]
    entry["created_at"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return entry


def _sentence(scene: Scene, rng: Random) -> str:
    text = caption(scene, rng, occasion=rng.random() < 0.2)
    return f"{text[:1].upper()}{text[1:]}."


def _tags(scene: Scene, rng: Random) -> list[str]:
    things = [thing.removeprefix("a ").removeprefix("an ") for thing in scene.things]
    light = [_LIGHT_WORDS[scene.light]] if scene.light in _LIGHT_WORDS else []
    people = ["people"] if scene.people else []
    tags = [scene.occasion.replace("_", " "), scene.place, *light, *things, *people]
    return [tag for tag in dict.fromkeys(tags) if rng.random() < _KEPT]


def _json(value: Any) -> bytes:
    """JSON with an entry a line, as short as it can be read."""
    if isinstance(value, list):
        return ("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]\n").encode()
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
