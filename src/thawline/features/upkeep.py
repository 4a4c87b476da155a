"""Looking after the store: what it holds, whether that is sound, and what may go."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from thawline.data.preprocessing import JSON
from thawline.errors import UserError
from thawline.features.disk import database, explained
from thawline.features.files import FileIndex
from thawline.features.key import shelf_id
from thawline.features.kinds import Kind
from thawline.features.media import KINDS
from thawline.features.rows import Column, row_checksums
from thawline.features.store import FeatureStore, leftovers, read_columns

_DAY = 24 * 3600
_CHECKED_AT_ONCE = 256
_TRASH = "removed-"


@dataclass(frozen=True)
class ShelfFacts:
    """One shelf.

    Attributes:
        id: Its folder's name.
        label: What computed its features, "" if its key cannot be read.
        cut: The border, None if unknown; likewise `view`, `dtype`, `device`.
        view: 0 is plain.
        dtype: As stored; None for pixels.
        device: Kind of device that computed; None for pixels.
        samples: How many have features.
        bytes: On disk.
        used: When it was last filled or read, seconds since 1970.
    """

    id: str
    label: str
    cut: JSON
    view: JSON
    dtype: JSON
    device: JSON
    samples: int
    bytes: int
    used: float


@dataclass(frozen=True)
class Problem:
    """Something wrong in the store: which shelf ("" for the memory of files), and what."""

    shelf: str
    what: str


@dataclass(frozen=True)
class Verified:
    """What a check found.

    Attributes:
        shelves: How many were checked.
        samples: How many samples' bytes were compared with their checksums.
        problems: Empty if all is well.
        reclaimable: Bytes that a killed process left over; the next pass that fills their shelf removes them.
    """

    shelves: int
    samples: int
    problems: list[Problem]
    reclaimable: int


@dataclass(frozen=True)
class Pruned:
    """What was removed, and the ids of shelves left alone since a process is filling them."""

    removed: list[ShelfFacts]
    busy: list[str]


def list_shelves(store: FeatureStore) -> list[ShelfFacts]:
    """All shelves, the last used first."""
    with explained(store.root):
        return sorted((_facts(folder) for folder in _folders(store)), key=lambda shelf: -shelf.used)


def verify(store: FeatureStore) -> Verified:
    """Compare every sample's bytes with its checksum, and every index and key with itself. Changes nothing."""
    problems, samples, reclaimable = [], 0, 0
    folders = _folders(store)
    with explained(store.root):
        for folder in folders:
            checked, surplus, found = _verify(folder)
            samples += checked
            reclaimable += surplus
            problems += [Problem(folder.name, what) for what in found]
        problems += [Problem("", what) for kind in KINDS for what in _verify_database(store.root / kind.index)]
        reclaimable += sum(_size(path) for path in store.shelves.glob(f"{_TRASH}*"))
    return Verified(len(folders), samples, problems, reclaimable)


def prune(
    store: FeatureStore, *, older_than_days: float | None = None, everything: bool = False, ids: Collection[str] = ()
) -> Pruned:
    """Remove shelves; what is removed is computed again when it is next needed.

    A shelf that is being filled stays. Processes that are reading one keep what they have open.

    Args:
        store: The store.
        older_than_days: Remove what was not filled or read for so long.
        everything: Remove all shelves, and the memory of files.
        ids: Remove these.

    Raises:
        UserError: There is no shelf of an id.
    """
    shelves = {shelf.id: shelf for shelf in list_shelves(store)}
    if unknown := sorted(set(ids) - set(shelves)):
        raise UserError(f"The store ({store.root}) has no shelf {unknown[0]}; `thawline store list` shows them.")
    limit = time.time() - (older_than_days * _DAY if older_than_days is not None else float("inf"))
    chosen = [shelf for shelf in shelves.values() if everything or shelf.id in ids or shelf.used < limit]
    removed, busy = [], []
    with explained(store.root):
        for shelf in chosen:
            if _remove(store, shelf.id):
                removed.append(shelf)
            else:
                busy.append(shelf.id)
        for trash in store.shelves.glob(f"{_TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)
    if everything:
        _forget_files(store)
    return Pruned(removed, busy)


def _folders(store: FeatureStore) -> list[Path]:
    return sorted(path for path in store.shelves.iterdir() if path.is_dir() and not path.name.startswith(_TRASH))


def _size(folder: Path) -> int:
    size = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # the journal of a process that is just committing
            size += path.stat().st_size
    return size


def _facts(folder: Path) -> ShelfFacts:
    about = _about(folder)
    key = about.get("key")
    key = key if isinstance(key, dict) else {}
    return ShelfFacts(
        id=folder.name,
        label=str(about.get("label", "")),
        cut=key.get("cut"),
        view=key.get("view"),
        dtype=key.get("dtype"),
        device=key.get("device"),
        samples=_count(folder),
        bytes=_size(folder),
        used=(folder / "key.json" if about else folder).stat().st_mtime,
    )


def _about(folder: Path) -> dict[str, JSON]:
    """What key.json holds; empty if it is not there or broken."""
    try:
        about = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _count(folder: Path) -> int:
    if not (folder / "index.sqlite").exists():
        return 0
    try:
        with database(folder / "index.sqlite") as db:
            count: int = db.execute("SELECT count(*) FROM samples").fetchone()[0]
            return count
    except sqlite3.DatabaseError:  # verify says so
        return 0


def _verify(folder: Path) -> tuple[int, int, list[str]]:
    """Samples checked, bytes left over, problems."""
    index = folder / "index.sqlite"
    if not index.exists():  # killed before the first row; the next pass goes on from here
        return 0, _size(folder), []
    problems = _verify_database(index)
    if problems:
        return 0, 0, problems
    with database(index) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'samples'").fetchone():
            return 0, 0, []
        columns = read_columns(db)
        samples = db.execute("SELECT row, digest, checksum FROM samples ORDER BY row").fetchall()
    key = _about(folder).get("key")
    if samples and (not isinstance(key, dict) or shelf_id(key) != folder.name):
        problems.append("key.json is missing or is another shelf's")
    end = samples[-1][0] + 1 if samples else 0
    problems += _verify_rows(folder, columns, samples)
    return len(samples), sum(max(surplus, 0) for _, surplus in leftovers(folder, columns, end)), problems


def _verify_rows(folder: Path, columns: list[Column], samples: list[tuple[int, str, int]]) -> Iterator[str]:
    whole = len(samples) and samples[-1][0] + 1
    for column in columns:
        path = folder / column.file
        rows = path.stat().st_size // column.row_bytes if path.exists() else 0
        if rows < whole:
            yield f"{column.file} holds {rows} of {whole} rows"
            whole = rows
    samples = [sample for sample in samples if sample[0] < whole]
    maps = [column.map(folder, whole) for column in columns]
    for start in range(0, len(samples), _CHECKED_AT_ONCE):
        some = samples[start : start + _CHECKED_AT_ONCE]
        at = [row for row, _, _ in some]
        found = row_checksums([array[at] for array in maps])
        for (row, digest, checksum), now in zip(some, found, strict=True):
            if now != checksum:
                yield f"row {row}, sample {digest}: its bytes have changed"


def _verify_database(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        with database(path) as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check")]
    except sqlite3.DatabaseError as error:
        return [f"{path.name}: {error}"]
    return [f"{path.name}: {what}" for what in found if what != "ok"]


def _forget_files(store: FeatureStore) -> None:
    for kind in KINDS:
        if (store.root / kind.index).exists():
            _forget_kind(store, kind)


def _forget_kind(store: FeatureStore, kind: Kind[Any]) -> None:
    path = store.root / kind.index
    with explained(store.root):
        if _verify_database(path):
            path.unlink()
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    FileIndex(store.root, kind).forget()


def _remove(store: FeatureStore, shelf: str) -> bool:
    """Remove a shelf unless a process fills it. Renamed first, so that no half of it is ever taken for a shelf."""
    try:
        with filelock.FileLock(store.locks / f"{shelf}.lock", timeout=0):
            trash = store.shelves / f"{_TRASH}{shelf}"
            shutil.rmtree(trash, ignore_errors=True)
            (store.shelves / shelf).rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
    except filelock.Timeout:
        return False
    return True
