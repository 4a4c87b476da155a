"""What one entry of a library says, once it has been checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ID, PATH, DESCRIPTION, DETAILED, TAGS, FACES, CREATED = FIELDS = (
    "id",
    "image_path",
    "description",
    "detailed_description",
    "meta_tags",
    "face_encodings",
    "created_at",
)


def no_faces() -> npt.NDArray[np.float32]:
    """The faces of a photo that has none, [0, 0]."""
    return np.zeros((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class Entry:
    """A photo of a library, and what is said of it.

    Attributes:
        id: What it is called, unique in the library; a number's own digits.
        image_path: Its photo's path as it is written.
        photo: Where that leads: beside the library's file, or in the folder that holds the photos. Nobody has looked
            whether it is there.
        description: In a sentence; "" where there is none.
        detailed_description: In more words, perhaps other people's.
        tags: Composed (NFC) and stripped, in order; none twice but for its case.
        faces: [f, d] encodings as given, finite and not all zeros, all of one width in a library.
        created_at: When it was taken or added, in UTC; None: nobody says.
        further: Its other fields, as they were read.
    """

    id: str
    image_path: str
    photo: Path
    description: str = ""
    detailed_description: str = ""
    tags: tuple[str, ...] = ()
    faces: npt.NDArray[np.float32] = field(default_factory=no_faces)
    created_at: datetime | None = None
    further: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Both descriptions, one after the other."""
        return f"{self.description} {self.detailed_description}".strip()


def key_of(tag: str) -> str:
    """What tags are compared by: two that differ in case alone are one."""
    return tag.casefold()
