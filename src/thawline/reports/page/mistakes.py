"""The worst mistakes of a run: by name, with their texts, and as small pictures where those are asked for."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from thawline.data.tables.places import find_file
from thawline.errors import UnusableError
from thawline.html import Html, join, name, tag
from thawline.reports.comparison import Entry
from thawline.runs.mirrors.mirror import thumbnail
from thawline.targets.predicted import worst_mistakes

_MOST = 8
_LONGEST = 300  # characters of a text
_SIDE = 128


class Thumbnails:
    """Photos as data URLs, each decoded once."""

    def __init__(self) -> None:
        self._made: dict[Path, str | None] = {}

    def url(self, entry: Entry, path: str) -> str | None:
        """The picture of a sample, small; None where it is not there, is no photo, or lies outside the photos' folder.

        The image of a pair is where the file of pairs has it.
        """
        if (pair := entry.pairs.get(path)) is not None:
            return self._small(pair.path)
        return None if entry.photos is None else self.of(entry.photos, path)

    def of(self, photos: Path, path: str) -> str | None:
        """The picture of the photo `path` of the folder `photos`, small; None as above."""
        file = find_file(path, photos.absolute())
        return self._small(file) if file.resolve().is_relative_to(photos.resolve()) else None

    def _small(self, file: Path) -> str | None:
        if file not in self._made:
            self._made[file] = _encode(file)
        return self._made[file]


def draw_mistakes(entry: Entry, thumbnails: Thumbnails | None) -> Html:
    """The samples that were called wrong with the most conviction, each once."""
    worst = worst_mistakes(entry.predictions, _MOST)
    if not worst:
        return tag("p", "No sample was called wrong.", class_="note")
    items = []
    for one in worst:
        how = f" with {100 * one.sure:.0f} %" if entry.certain and one.sure is not None else ""
        url = thumbnails.url(entry, one.path) if thumbnails else None
        items.append(
            tag(
                "li",
                None if url is None else tag("img", src=url, alt=f"photo {one.path}"),
                tag("strong", name(", ".join(one.true))),
                join(", called ", name(", ".join(one.said) or "nothing"), how, ": "),
                tag("span", name(one.path), class_="note"),
                None if (pair := entry.pairs.get(one.path)) is None else tag("q", name(_cut(pair.text))),
            )
        )
    return tag("ol", *items, class_="mistakes texts" if entry.pairs else "mistakes")


def _cut(said: str) -> str:
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"


def _encode(file: Path) -> str | None:
    try:
        picture = thumbnail(file)
    except (OSError, UnusableError):
        return None
    picture.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=75)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
