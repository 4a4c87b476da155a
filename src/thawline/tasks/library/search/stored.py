"""The index on disk: `search/` in a library's directory, complete or absent."""

import json
import mmap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from thawline.files import read_json, write_folder, write_json
from thawline.tasks.library.training.gathered import Gathered

FOLDER: Final = "search"
LEXICAL: Final = "lexical"
DENSE: Final = "dense.faiss"
DENSE_PHOTOS: Final = "photos.faiss"
SHOWN: Final = "words.json"  # what each term is called
FORMAT: Final = 1
_ABOUT, _ENTRIES = "about.json", "entries.jsonl"
_LONGEST = 300  # characters of a caption that are kept to be shown


@dataclass(frozen=True)
class EntryView:
    """What is shown of an entry.

    Attributes:
        id: What it is called.
        path: Where its photo is, or would be.
        caption: How its description begins.
        tags: Its tags.
        created: When it was taken; None: nobody says.
    """

    id: str
    path: str
    caption: str
    tags: tuple[str, ...]
    created: datetime | None


class Entries:
    """What is shown of entries, read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Find where each line of the index in `folder` begins; nothing else is read."""
        with (folder / _ENTRIES).open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._ends = np.flatnonzero(np.frombuffer(self._lines, np.uint8) == ord("\n"))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> EntryView:
        start = int(self._ends[row - 1]) + 1 if row else 0
        return _shown(json.loads(self._lines[start : int(self._ends[row])]))

    def __iter__(self) -> Iterator[EntryView]:
        return (self[row] for row in range(len(self)))

    def ids(self) -> dict[str, int]:
        """Where each entry is by its id."""
        return {one.id: row for row, one in enumerate(self)}


def write_index(directory: Path, library: Gathered, about: Mapping[str, Any], save: Callable[[Path], object]) -> None:
    """Write the index of a library.

    Args:
        directory: The library's.
        library: Its entries.
        about: What is to be known of the index.
        save: Writes the indexes themselves into a folder.
    """

    def fill(folder: Path) -> None:
        save(folder)
        with (folder / _ENTRIES).open("w", encoding="utf-8", errors="surrogatepass") as file:
            for row in range(len(library)):
                file.write(f"{json.dumps(_line(library, row), ensure_ascii=False)}\n")
        write_json(folder / _ABOUT, {"format": FORMAT, **about})

    write_folder(directory / FOLDER, fill)


def read_about(directory: Path) -> dict[str, Any]:
    """What is to be known of an index; empty: there is none, or another release wrote it."""
    try:
        about = read_json(directory / FOLDER / _ABOUT)
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) and about.get("format") == FORMAT else {}


def _line(library: Gathered, row: int) -> dict[str, Any]:
    created = library.created[row]
    return {
        "id": library.ids[row],
        "path": library.photos[row],
        "caption": (library.descriptions[row] or library.detailed[row])[:_LONGEST],
        "tags": library.tags[row],
        "created": None if created is None else f"{created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _shown(line: Mapping[str, Any]) -> EntryView:
    created = line["created"]
    return EntryView(
        str(line["id"]),
        str(line["path"]),
        str(line["caption"]),
        tuple(map(str, line["tags"])),
        None if created is None else datetime.fromisoformat(created),
    )
