"""Rows of a table that each name a file: which one, or why the row is left out."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from thawline.data.listing import as_text
from thawline.data.tables.places import Absent, find_files, moved_note
from thawline.data.tables.reading import Table
from thawline.errors import UserError

_ABSENT = {
    "url": "a URL; save the file and give its path",
    "nul": "a NUL byte in the path",
    "home": "the home of nobody known; begin with ./ where the name itself begins with ~",
    "folder": "no file",
    "nothing": "nothing is there",
}


class BadRow(Exception):  # noqa: N818  # not an error of the program: the row is left out
    """Why a row is left out, a phrase."""


class Sided(Protocol):
    """A sample that may have a side."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def side(self) -> str | None:
        """Its side; None: it has none."""


def folder_of(table: Path) -> Path:
    """The folder that relative paths of a table start from."""
    return Path(os.path.normpath(table.absolute().parent))


def find_named(read: Table, column: str, root: Path, notes: list[str], table: Path) -> dict[str, Path | Absent]:
    """Where the files are that the `column` of a table names; `notes` gets what there is to say of it.

    Args:
        read: The rows.
        column: Which column has paths.
        root: The folder that relative ones start from.
        notes: Gets sentences.
        table: The file that was read.
    """
    found = find_files((r.values[column].strip() for r in read.records if not r.kind), root.absolute())
    notes += read.notes
    notes += moved_note(table.name, {written: path for written, path in found.items() if isinstance(path, Path)})
    return found


def named_file(written: str, found: Mapping[str, Path | Absent]) -> Path:
    """The file that the path `written` means, of those that `find_named` found; raises BadRow where it means none."""
    if not written:
        raise BadRow("no path")
    path = found[written]
    if isinstance(path, Absent):
        said = {
            "unopened": f"cannot be opened: {path.detail}",
            "several": f"nothing is there; {path.detail}, which it may mean, other rows mean by other paths",
        }
        raise BadRow(said.get(path.kind) or _ABSENT[path.kind])
    return path


def name_below(path: Path, root: Path) -> str:
    """What a file is called: its path relative to `root`, "/" between, or the whole one where it lies elsewhere."""
    return as_text(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix())


def check_sided(samples: Iterable[Sided], table: Path, noun: str) -> None:
    """Have all samples of a table a side, or none?

    Raises:
        UserError: Some have one.
    """
    bare = {each.name: each.side is None for each in samples}
    if any(bare.values()) and not all(bare.values()):
        first = next(name for name, lacks in bare.items() if lacks)
        raise UserError(f"{table} has no split for {first}; give every {noun} train, val or test, or none")
