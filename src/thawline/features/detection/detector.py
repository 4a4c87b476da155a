"""A detector, and the photo that it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError
from thawline.files import JSON, digest_of

if TYPE_CHECKING:
    from PIL import Image

PERSON = "person"  # what COCO calls one, and all who learnt from it
SIDE = 1333  # px that the longer side of a photo is reduced to: what DETR takes at most, twice what YOLO does


@dataclass(frozen=True)
class DetectorInput:
    """A photo to look at.

    Attributes:
        path: Where it is.
        digest: Of its content.
        max_megapixels: A larger one is not read.
    """

    path: Path
    digest: str
    max_megapixels: float


class Detector(Protocol):
    """Finds people in photos."""

    @property
    def device(self) -> str:
        """The kind of device that it computes on."""

    def key(self) -> dict[str, JSON]:
        """All that decides what it finds besides the pixels.

        Raises:
            UserError: It is not on this machine, or what runs it is not installed.
        """

    def look(self, photos: Sequence[DetectorInput]) -> Iterator[float | str]:
        """How sure it is of the surest person in each photo, in order, 0 where it finds none; or why one can't be used.

        Raises:
            UserError: It is no detector of people.
        """


def picture_of(photo: DetectorInput) -> Image.Image:
    """The photo in mode RGB, upright and reduced.

    Raises:
        UnusableError: It can't be read, or has another content now.
    """
    from PIL import Image  # late: settings name detectors, too

    picture = read_upright(photo.path, SIDE, photo.max_megapixels)
    try:
        if digest_of(photo.path) != photo.digest:
            raise UnusableError("it was changed while it was read")
    except OSError as error:
        raise UnusableError(f"cannot be read: {error.strerror or error}") from error
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return picture


def person_among(names: dict[int, str]) -> int | None:
    """The number of the class `person` among a detector's; None: it has none."""
    return next((number for number, name in names.items() if str(name).casefold() == PERSON), None)


def without_person(detector: str, names: dict[int, str]) -> str:
    """What to say of a detector that knows no people."""
    some = ", ".join(map(str, list(names.values())[:5]))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"people.detector={detector} has no class '{PERSON}', but {some}{more}; use one that was trained on COCO"
