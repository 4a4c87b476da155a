"""The worst mistakes of a run: by name, and as small pictures where those are asked for."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np

from thawline.data.decoding import UnusableError
from thawline.reports.comparison import Entry
from thawline.reports.page.html import Html, join, name, tag
from thawline.runs.mirror import thumbnail

_MOST = 8
_SIDE = 128


class Thumbnails:
    """Photos as data URLs, each decoded once."""

    def __init__(self) -> None:
        self._made: dict[Path, str | None] = {}

    def url(self, folder: Path, path: str) -> str | None:
        """The photo, small; None where it is not there, is no photo, or lies outside the folder."""
        file = folder / path
        if file not in self._made:
            inside = file.resolve().is_relative_to(folder.resolve())
            self._made[file] = _encode(file) if inside else None
        return self._made[file]


def draw_mistakes(entry: Entry, thumbnails: Thumbnails | None) -> Html:
    """The samples that were called wrong with the most conviction, each once."""
    p = entry.predictions
    sure = p.probabilities.max(axis=1)
    wrong = np.flatnonzero(~p.right)
    if not len(wrong):
        return tag("p", "No sample was called wrong.", class_="note")
    first: dict[str, int] = {}
    for i in wrong[np.argsort(-sure[wrong], kind="stable")]:
        first.setdefault(p.paths[i], int(i))
    items = []
    for path, i in list(first.items())[:_MOST]:
        how = f" with {100 * sure[i]:.0f} %" if entry.certain else ""
        url = thumbnails.url(entry.photos, path) if thumbnails and entry.photos else None
        items.append(
            tag(
                "li",
                None if url is None else tag("img", src=url, alt=f"photo {path}"),
                tag("strong", name(p.classes[p.labels[i]])),
                join(", called ", name(p.classes[p.said[i]]), how, ": "),
                tag("span", name(path), class_="note"),
            )
        )
    return tag("ol", *items, class_="mistakes")


def _encode(file: Path) -> str | None:
    try:
        picture = thumbnail(file)
    except (OSError, UnusableError):
        return None
    picture.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=75)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
