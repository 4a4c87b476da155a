"""A library in memory: what the stages learn from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import xxhash

from thawline.tasks.library.entries.entry import Entry
from thawline.tasks.library.entries.places import place_of
from thawline.tasks.library.faces.found import DetectedFaces

Digests = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Gathered:
    """The entries that were read, by columns, in order.

    Attributes:
        ids: [n] of the entries, none twice.
        photos: [n] where each photo is, or would be.
        descriptions: [n] "" where there is none.
        detailed: [n] the longer ones.
        tags: [n] of each entry.
        faces: [n] the encodings of each entry, [f, d]; [0, 0] where it has none.
        created: [n] in UTC; None: nobody says.
        texts: [n] digests of what is written of each: descriptions and tags.
        places: [n] names of where each was taken; "": nobody says.
        found: By id, what was found in the photos of entries that came without faces; they are in `faces` too.
    """

    ids: list[str]
    photos: list[str]
    descriptions: list[str]
    detailed: list[str]
    tags: list[tuple[str, ...]]
    faces: list[npt.NDArray[np.float32]]
    created: list[datetime | None]
    texts: Digests
    places: list[str] = field(default_factory=list)
    found: Mapping[str, DetectedFaces] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def with_faces(self) -> int:
        """How many entries have a face."""
        return sum(len(faces) > 0 for faces in self.faces)


def gather(entries: Iterable[Entry], tick: Callable[[float], None] | None = None) -> Gathered:
    """Entries by columns; `tick` is told of each hundred."""
    library = Gathered([], [], [], [], [], [], [], np.zeros(0, np.uint64))
    digests: list[int] = []
    for number, entry in enumerate(entries, start=1):
        library.ids.append(entry.id)
        library.photos.append(str(entry.photo))
        library.descriptions.append(entry.description)
        library.detailed.append(entry.detailed_description)
        library.tags.append(entry.tags)
        library.faces.append(entry.faces)
        library.created.append(entry.created_at)
        library.places.append(place_of(entry.further))
        digests.append(text_digest(entry.description, entry.detailed_description, entry.tags))
        if tick is not None and number % 100 == 0:
            tick(100)
    return replace(library, texts=np.array(digests, np.uint64))


def text_digest(description: str, detailed: str, tags: Sequence[str]) -> int:
    """Of what is written of an entry: no text of one can be taken for another's."""
    return xxhash.xxh3_64_intdigest("\0".join((description, detailed, *tags)).encode())
