"""Looking after the store: what it holds, whether that is sound, and what may go."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from thawline.errors import UserError
from thawline.features.files import FileIndex
from thawline.features.media import KINDS
from thawline.features.store.disk import check_database, database, explained
from thawline.features.store.index import INDEX_FILE, ShelfIndex
from thawline.features.store.key import SHELF_FORMAT, shelf_id
from thawline.features.store.remembered import forget
from thawline.features.store.rows import Column, RowLocation, Rows
from thawline.features.store.store import TRASH, FeatureStore, leftovers, remove_shelf
from thawline.files import JSON

_DAY = 24 * 3600


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
    """Something wrong in the store.

    Attributes:
        shelf: Which shelf's folder; "" for the memory of files.
        what: In words.
        label: What computed the shelf's features.
        drop: The samples whose features a repair drops; None: the whole shelf.
    """

    shelf: str
    what: str
    label: str = ""
    drop: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Verified:
    """What a check found.

    Attributes:
        shelves: How many were checked.
        samples: How many samples' bytes were compared with their checksums.
        problems: Empty if all is well.
        reclaimable: Bytes that a killed process left over; the next pass that fills their shelf removes them.
        outdated: Shelves of an earlier version of Thawline; nothing reads them, and they were not checked.
    """

    shelves: int
    samples: int
    problems: list[Problem]
    reclaimable: int
    outdated: int


@dataclass(frozen=True)
class Repaired:
    """What a repair dropped.

    Attributes:
        samples: Features of single samples.
        shelves: Whole shelves, whose index or key was damaged.
        busy: Ids of shelves left alone since a process is filling them.
    """

    samples: int
    shelves: int
    busy: list[str]


@dataclass(frozen=True)
class Pruned:
    """What was removed, and the ids of shelves left alone since a process is filling them."""

    removed: list[ShelfFacts]
    busy: list[str]


def list_shelves(store: FeatureStore) -> list[ShelfFacts]:
    """All shelves, the last used first."""
    with explained(store.root):
        return sorted((_facts(store, folder) for folder in _folders(store)), key=lambda shelf: -shelf.used)


def verify(store: FeatureStore) -> Verified:
    """Compare every sample's bytes with its checksum, and every index and key with itself. Changes nothing."""
    problems, samples, reclaimable, outdated = [], 0, 0, 0
    folders = _folders(store)
    with explained(store.root):
        for folder in folders:
            if _is_outdated(folder):
                outdated += 1
                continue
            checked, surplus, found = _verify(store, folder)
            samples += checked
            reclaimable += surplus
            problems += found
        for kind in KINDS:
            problems += [
                Problem("", what) for what in FileIndex(store.root, kind, read_only=store.read_only).problems()
            ]
        reclaimable += sum(_size(path) for path in store.shelves.glob(f"{TRASH}*"))
    return Verified(len(folders) - outdated, samples, problems, reclaimable, outdated)


def repair(store: FeatureStore, problems: Sequence[Problem]) -> Repaired:
    """Drop what `verify` found damaged, and no more; it is computed again when it is next needed."""
    samples, shelves, busy = 0, 0, []
    with explained(store.root):
        for shelf in dict.fromkeys(problem.shelf for problem in problems if problem.shelf):
            drops = [problem.drop for problem in problems if problem.shelf == shelf]
            digests = list(dict.fromkeys(digest for drop in drops if drop for digest in drop))
            try:
                with _locked(store, shelf):
                    if None in drops:
                        remove_shelf(store, shelf)
                        shelves += 1
                    else:
                        _repair(store.shelves / shelf, digests)
                        samples += len(digests)
            except filelock.Timeout:
                busy.append(shelf)
        for kind in KINDS:
            if FileIndex(store.root, kind, read_only=store.read_only).problems():
                FileIndex(store.root, kind).mend()
    return Repaired(samples, shelves, busy)


def _repair(folder: Path, digests: Sequence[str]) -> None:
    if digests:
        ShelfIndex(folder, read_only=False).drop(digests)
    if _about(folder) is not None and not _is_own_key(folder):
        (folder / "key.json").unlink()  # it is written anew when the shelf is next used


def prune(
    store: FeatureStore, *, older_than_days: float | None = None, everything: bool = False, ids: Collection[str] = ()
) -> Pruned:
    """Remove shelves; what is removed is computed again when it is next needed.

    A shelf that is being filled stays. Processes that are reading one keep what they have open.

    Args:
        store: The store.
        older_than_days: Remove what was not filled or read for so long.
        everything: Remove all shelves, the memory of files, and what else is remembered.
        ids: Remove these.

    Raises:
        UserError: There is no shelf of an id.
    """
    shelves = {shelf.id: shelf for shelf in list_shelves(store)}
    if unknown := sorted(set(ids) - set(shelves)):
        raise UserError(f"the store ({store.root}) has no shelf {unknown[0]}; `thawline store list` shows them")
    limit = time.time() - (older_than_days * _DAY if older_than_days is not None else float("inf"))
    chosen = [shelf for shelf in shelves.values() if everything or shelf.id in ids or shelf.used < limit]
    removed, busy = [], []
    with explained(store.root):
        for shelf in chosen:
            try:
                with _locked(store, shelf.id):
                    remove_shelf(store, shelf.id)
                removed.append(shelf)
            except filelock.Timeout:
                busy.append(shelf.id)
        for trash in store.shelves.glob(f"{TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)
    if everything:
        _forget_files(store)
    return Pruned(removed, busy)


def _folders(store: FeatureStore) -> list[Path]:
    return sorted(path for path in store.shelves.iterdir() if path.is_dir() and not path.name.startswith(TRASH))


def _size(folder: Path) -> int:
    size = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # the journal of a process that is just committing
            size += path.stat().st_size
    return size


def _facts(store: FeatureStore, folder: Path) -> ShelfFacts:
    about = _about(folder)
    key = _key(folder)
    return ShelfFacts(
        id=folder.name,
        label=_label(folder),
        cut=key.get("cut"),
        view=key.get("view"),
        dtype=key.get("dtype"),
        device=key.get("device"),
        samples=_count(store, folder),
        bytes=_size(folder),
        used=(folder / "key.json" if about else folder).stat().st_mtime,
    )


def _about(folder: Path) -> dict[str, JSON] | None:
    """What key.json holds, {} if it is broken; None if it is not there."""
    try:
        about = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def _label(folder: Path) -> str:
    return str((_about(folder) or {}).get("label", ""))


def _key(folder: Path) -> dict[str, JSON]:
    key = (_about(folder) or {}).get("key")
    return key if isinstance(key, dict) else {}


def _is_own_key(folder: Path) -> bool:
    return shelf_id(_key(folder)) == folder.name


def _is_outdated(folder: Path) -> bool:
    return _is_own_key(folder) and _key(folder).get("format", SHELF_FORMAT) != SHELF_FORMAT


def _count(store: FeatureStore, folder: Path) -> int:
    index = folder / INDEX_FILE
    if not index.exists():
        return 0
    try:
        with database(index, read_only=store.read_only) as db:
            count: int = db.execute("SELECT count(*) FROM samples").fetchone()[0]
            return count
    except sqlite3.DatabaseError:  # verify says so
        return 0


def _verify(store: FeatureStore, folder: Path) -> tuple[int, int, list[Problem]]:
    """Samples checked, bytes left over, problems."""
    index = ShelfIndex(folder, read_only=store.read_only)
    label = _label(folder)
    if not index.path.exists():  # killed before the first row; the next pass goes on from here
        return 0, _size(folder), []
    wrong = check_database(index.path, read_only=store.read_only)
    try:
        if wrong or not index.is_made():
            return 0, 0, [Problem(folder.name, what, label) for what in wrong]
        columns, end, samples = index.everything()
        problems = list(_verify_rows(index, columns, samples, label))
    except sqlite3.DatabaseError as error:
        return 0, 0, [Problem(folder.name, f"{INDEX_FILE}: {error}", label)]
    if _about(folder) is not None and not _is_own_key(folder):
        problems.append(Problem(folder.name, "key.json is broken or another shelf's", label, drop=()))
    return len(samples), sum(max(surplus, 0) for _, surplus in leftovers(folder, columns, end)), problems


def _verify_rows(
    index: ShelfIndex, columns: list[Column], samples: Mapping[str, RowLocation], label: str
) -> Iterator[Problem]:
    shelf, complete = index.folder.name, index.complete(columns)
    gone = tuple(digest for digest, place in samples.items() if place.row >= complete)
    if gone:
        for column, rows in index.rows_of(columns):
            if rows == complete:
                named = max(place.row for place in samples.values()) + 1
                yield Problem(shelf, f"{column.file} holds {rows} of {named} rows", label, gone)
    there = {digest: place for digest, place in samples.items() if place.row < complete}
    for digest in Rows(index.folder, columns, list(there), list(there.values())).changed():
        yield Problem(shelf, f"row {samples[digest].row}, sample {digest}: its bytes have changed", label, (digest,))


def _forget_files(store: FeatureStore) -> None:
    for kind in KINDS:
        if (store.root / kind.index).exists():
            FileIndex(store.root, kind).forget()
    forget(store.root)


@contextmanager
def _locked(store: FeatureStore, shelf: str) -> Iterator[None]:
    """Hold a shelf's lock; filelock.Timeout where a process fills it."""
    with filelock.FileLock(store.locks / f"{shelf}.lock", timeout=0):
        yield
