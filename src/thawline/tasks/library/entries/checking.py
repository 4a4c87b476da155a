"""From what was read to an entry: what can't be used is listed with its place and a reason, and the rest goes on."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from thawline.tasks.library.entries.entry import (
    CREATED,
    DESCRIPTION,
    DETAILED,
    FACES,
    FIELDS,
    ID,
    PATH,
    TAGS,
    Entry,
)
from thawline.tasks.library.entries.fields import (
    faces_of,
    fault_of,
    further_of,
    id_of,
    kind_of,
    tags_of,
    text_of,
    time_of,
)
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.photos import Photos
from thawline.tasks.library.entries.skipped import Skipped

_LONGEST_PATH = 4096


class Checker:
    """Checks the entries of one library, one after the other."""

    def __init__(self, photos: Photos, skipped: Skipped, width: int | None) -> None:
        """Say where photos are, what takes note of what can't be used, and how long encodings are (None: unknown)."""
        self._photos, self._skipped, self._width = photos, skipped, width
        self._places: dict[str, str] = {}

    def check(self, found: RawEntry) -> Entry | None:
        """The entry that was found; None: it can't be used."""
        self._skipped.read += 1
        place, value = found.place, found.value
        if found.problem:
            self._skipped.add(place, "", found.problem, found.shown)
            return None
        if not isinstance(value, Mapping):
            self._skipped.add(place, "", f"{kind_of(value)}, not an object with its fields", value)
            return None
        id_, fault = id_of(value.get(ID))
        if fault:
            self._skipped.add(place, "", fault, value.get(ID))
            return None
        place = f"{place} (id {id_})"
        if id_ in self._places:
            self._skipped.add(place, "", "its id is that of an entry before it", self._places[id_])
            return None
        written: Any = value.get(PATH)
        fault = _fault_of_path(written)
        photo = Path()
        if not fault:
            photo, fault = self._photos.find(written.strip())
        if fault:
            self._skipped.add(place, "", fault, written)
            return None
        self._places[id_] = found.place
        return self._entry(id_, written, photo, value, place)

    def _entry(self, id_: str, written: str, photo: Path, value: Mapping[str, Any], place: str) -> Entry:
        skipped = self._skipped
        faces = faces_of(value.get(FACES), self._width, place, skipped)
        if len(faces):
            self._width = faces.shape[1]
        skipped.used += 1
        return Entry(
            id_,
            written,
            photo,
            text_of(value.get(DESCRIPTION), DESCRIPTION, place, skipped),
            text_of(value.get(DETAILED), DETAILED, place, skipped),
            tags_of(value.get(TAGS), place, skipped),
            faces,
            time_of(value.get(CREATED), place, skipped),
            further_of(value, FIELDS),
        )


def width_of(found: Iterable[RawEntry]) -> int | None:
    """How many numbers most encodings have; None: there are none."""
    lengths: Counter[int] = Counter()
    unread = Skipped()
    for one in found:
        value = one.value.get(FACES) if isinstance(one.value, Mapping) else None
        if isinstance(value, str):
            lengths.update([faces.shape[1]] * len(faces) if len(faces := faces_of(value, None, "", unread)) else [])
        elif isinstance(value, (list, tuple)):
            lengths.update(len(face) for face in value if isinstance(face, (list, tuple)) and face)
    return max(lengths, key=lambda length: (lengths[length], length)) if lengths else None


def _fault_of_path(written: Any) -> str:
    if written is None or (isinstance(written, str) and not written.strip()):
        return "no image_path"
    if not isinstance(written, str):
        return f"an image_path that is {kind_of(written)}"
    if len(written) > _LONGEST_PATH:
        return f"an image_path of more than {_LONGEST_PATH:,} characters"
    fault = "" if written.isprintable() else fault_of(written)
    return f"an image_path with {fault}" if fault else ""
