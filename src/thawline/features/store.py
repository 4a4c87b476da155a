"""The feature store: shelves of features on disk, one for each key.

    ROOT/files.sqlite               which file had which content, see `files.py`
    ROOT/locks/ID.lock              held by the one process that fills a shelf; outside of it, so that pruning keeps it
    ROOT/shelves/ID/key.json        the key, whose sha256 is ID, and a label; its time is when the shelf was last used
    ROOT/shelves/ID/index.sqlite    digest of the sample -> row and checksum; the columns
    ROOT/shelves/ID/NAME.*.rows     one row after the other, of one tensor

A row counts once the index names it, and the index names it after its bytes were synced. What lies beyond the last
row named is left over from a killed process; the next one that fills the shelf cuts it off.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import filelock
import numpy as np

from thawline.data.preprocessing import JSON
from thawline.encoders.encoder import Features
from thawline.errors import UserError
from thawline.features.disk import check_room, database, explained
from thawline.features.key import shelf_id
from thawline.features.progress import say
from thawline.features.rows import DTYPES, Array, Column, Rows, encode, row_checksums
from thawline.files import sync_folder, write_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS columns
    (name TEXT PRIMARY KEY, file TEXT NOT NULL, dtype TEXT NOT NULL, shape TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS samples
    (digest TEXT PRIMARY KEY, row INTEGER NOT NULL UNIQUE, checksum INTEGER NOT NULL);
"""
_ASKED_AT_ONCE = 500  # SQLite bounds the number of parameters


class FeatureStore:
    """Features on disk, found by the sample's content and by what computed them."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        with explained(self.root):
            for folder in (self.shelves, self.locks):
                folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.shelves, os.W_OK):
                raise PermissionError(13, os.strerror(13), str(self.shelves))

    @property
    def shelves(self) -> Path:
        """The folder of the shelves."""
        return self.root / "shelves"

    @property
    def locks(self) -> Path:
        """The folder of the locks."""
        return self.root / "locks"

    def shelf(self, key: Mapping[str, JSON], label: str = "") -> Shelf:
        """The shelf of a key, made when it is first filled.

        Args:
            key: From `shelf_key`.
            label: What to call it on screen; no part of the key.
        """
        return Shelf(self, key, label)


class Shelf:
    """The features that one frozen network gives at one cut."""

    def __init__(self, store: FeatureStore, key: Mapping[str, JSON], label: str = "") -> None:
        self.store = store
        self.key = dict(key)
        self.id = shelf_id(key)
        self.label = label or self.id[:12]
        self.folder = store.shelves / self.id
        self._dtype = DTYPES.get(str(key.get("dtype")))
        self._filling = False

    @property
    def index(self) -> Path:
        """The SQLite file that says which rows count."""
        return self.folder / "index.sqlite"

    def lock(self) -> filelock.BaseFileLock:
        """What the one process that fills or removes this shelf holds; the system frees it when the process ends."""
        return filelock.FileLock(self.store.locks / f"{self.id}.lock")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Be the one process that appends; others wait here. Ask `missing` again within: another may have filled it."""
        lock = self.lock()
        with explained(self.store.root):
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                say(f"waiting for another process that fills the features of {self.label}")
                lock.acquire()
        try:
            self._prepare()
            self._filling = True
            yield
        finally:
            self._filling = False
            lock.release()

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of `digests` that have no features yet, each once, in order."""
        positions, _ = self._find(digests)
        return [digest for digest in dict.fromkeys(digests) if digest not in positions]

    def digests(self) -> set[str]:
        """All samples that have features."""
        positions, _ = self._find(None)
        return set(positions)

    def rows(self, digests: Sequence[str]) -> Rows:
        """The features of `digests`, in that order, repeated ones included.

        Raises:
            UserError: One of them has no features.
        """
        positions, columns = self._find(digests)
        absent = sum(digest not in positions for digest in digests)
        if absent:
            raise UserError(
                f"{absent} of {len(digests)} samples have no features of {self.label} in the store ({self.folder}); "
                "they may just have been pruned: run it again."
            )
        found = np.fromiter((positions[digest] for digest in digests), np.int64, len(digests))
        with explained(self.store.root):
            rows = Rows(self.folder, columns, found)
        self._touch()
        return rows

    def row_bytes(self, features: Features) -> int:
        """Bytes that one sample of `features` (batch first) takes here."""
        columns = _new_columns(encode({name: tensor[:0] for name, tensor in features.items()}, self._dtype))
        return sum(column.row_bytes for column in columns)

    def append(self, digests: Sequence[str], features: Features) -> int:
        """Store the features of some samples; they are durable when this returns. Only within `filling()`.

        Args:
            digests: Of the samples; those that are there already, or stand here twice, are stored once.
            features: Named tensors, batch first.

        Returns:
            How many were new.

        Raises:
            UserError: The disk is full, or the features have another shape than those already there.
        """
        if not self._filling:
            raise RuntimeError("append() outside of filling()")
        encoded = encode(features, self._dtype)
        if not encoded or any(len(array) != len(digests) or 0 in array.shape[1:] for _, array in encoded.values()):
            raise ValueError(f"{len(digests)} digests need as many rows, of at least one element, of every tensor")
        held, columns = self._find(digests)
        first = {digest: i for i, digest in reversed([*enumerate(digests)]) if digest not in held}
        new = sorted(first.values())
        if not new:
            return 0
        given = _new_columns(encoded)
        if columns:
            self._compare(columns, given)
        columns = columns or given
        needed = len(new) * sum(column.row_bytes for column in columns)
        with explained(self.store.root, needed):
            check_room(self.store.root, needed)
            self._write([digests[i] for i in new], columns, [encoded[column.name][1][new] for column in columns])
        return len(new)

    def _write(self, digests: list[str], columns: list[Column], arrays: list[Array]) -> None:
        with database(self.index) as db:
            start = _end(db)
            for column, array in zip(columns, arrays, strict=True):
                _write_rows(self.folder / column.file, start * column.row_bytes, array)
            if start == 0:
                sync_folder(self.folder)
            rows = zip(digests, range(start, start + len(digests)), row_checksums(arrays), strict=True)
            with db:
                db.execute("BEGIN IMMEDIATE")
                for column in columns:
                    values = (column.name, column.file, column.dtype, json.dumps(column.shape))
                    db.execute("INSERT OR IGNORE INTO columns VALUES (?, ?, ?, ?)", values)
                db.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)

    def _compare(self, columns: Sequence[Column], given: Sequence[Column]) -> None:
        there, now = _describe(columns), _describe(given)
        if there != now:
            raise UserError(
                f"The shelf of {self.label} ({self.folder}) holds {there}, but now the network gives {now}: "
                "its key leaves out what changed. Delete this folder and report it."
            )

    def _find(self, digests: Sequence[str] | None) -> tuple[dict[str, int], list[Column]]:
        """Rows of those of `digests` (None: of all) that count, and the columns. Without a lock."""
        if not self.index.exists():
            return {}, []
        with explained(self.store.root), database(self.index) as db:
            try:
                columns = read_columns(db)
                positions = _positions(db, digests)
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # another process is just making the shelf
                    return {}, []
                raise
            end = self._complete(columns)
        return {digest: row for digest, row in positions if row < end}, columns

    def _complete(self, columns: Sequence[Column]) -> int:
        """How many rows lie whole in every file: fewer than the index names if a file was cut short from outside."""
        sizes = (((self.folder / column.file), column.row_bytes) for column in columns)
        return min((path.stat().st_size // size if path.exists() else 0 for path, size in sizes), default=0)

    def _prepare(self) -> None:
        """Under the lock: make the shelf, or remove what a killed process left over."""
        with explained(self.store.root):
            self.folder.mkdir(exist_ok=True)
            about = self.folder / "key.json"
            if not about.exists():
                write_text(about, json.dumps({"label": self.label, "key": self.key}, indent=1, sort_keys=True))
                sync_folder(self.store.shelves)
            with database(self.index, create=True) as db:
                with db:
                    db.execute("BEGIN IMMEDIATE")
                    for statement in _SCHEMA.split(";"):
                        db.execute(statement)
                columns = read_columns(db)
                db.execute("DELETE FROM samples WHERE row >= ?", (self._complete(columns),))
                end = _end(db)
            for path, surplus in leftovers(self.folder, columns, end):
                if any(path.name == column.file for column in columns):
                    os.truncate(path, path.stat().st_size - surplus)
                else:
                    path.unlink()
        self._touch()

    def _touch(self) -> None:
        with suppress(OSError):  # only for `store list` and `store prune`
            os.utime(self.folder / "key.json")


def read_columns(db: sqlite3.Connection) -> list[Column]:
    """The tensors of a shelf, sorted by name."""
    found = db.execute("SELECT name, file, dtype, shape FROM columns ORDER BY name")
    return [Column(name, file, dtype, tuple(json.loads(shape))) for name, file, dtype, shape in found]


def leftovers(folder: Path, columns: Sequence[Column], end: int) -> list[tuple[Path, int]]:
    """Files of a shelf that hold bytes beyond row `end`, and how many."""
    kept = {column.file: end * column.row_bytes for column in columns}
    sizes = {path: path.stat().st_size - kept.get(path.name, 0) for path in sorted(folder.glob("*.rows"))}
    return [(path, surplus) for path, surplus in sizes.items() if surplus > 0 or path.name not in kept]


def _positions(db: sqlite3.Connection, digests: Sequence[str] | None) -> list[tuple[str, int]]:
    if digests is None:
        return db.execute("SELECT digest, row FROM samples").fetchall()
    found: list[tuple[str, int]] = []
    rest = iter(dict.fromkeys(digests))
    while some := list(islice(rest, _ASKED_AT_ONCE)):
        marks = ",".join("?" * len(some))
        found += db.execute(f"SELECT digest, row FROM samples WHERE digest IN ({marks})", some)  # noqa: S608
    return found


def _end(db: sqlite3.Connection) -> int:
    end: int = db.execute("SELECT coalesce(max(row) + 1, 0) FROM samples").fetchone()[0]
    return end


def _new_columns(encoded: Mapping[str, tuple[str, Array]]) -> list[Column]:
    # The token keeps the index of a shelf that is just being pruned from meeting the files of its successor.
    token = secrets.token_hex(4)
    return [Column(name, f"{name}.{token}.rows", kind, array.shape[1:]) for name, (kind, array) in encoded.items()]


def _write_rows(path: Path, start: int, array: Array) -> None:
    """Write from byte `start` on, and sync. On failure the file is as before."""
    with path.open("r+b" if path.exists() else "w+b", buffering=0) as file:
        try:
            file.seek(start)
            rest = np.ascontiguousarray(array).data.cast("B")
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(start)
            raise


def _describe(columns: Sequence[Column]) -> str:
    return ", ".join(f"{column.name} {column.dtype} {list(column.shape)}" for column in columns)
