"""The feature store: shelves of features on disk, one for each key.

    ROOT/files.sqlite               which file had which content, see `files.py`
    ROOT/remembered/*.json          what took long to find and can be found again, see `remembered.py`
    ROOT/locks/ID.lock              held by the one process that fills a shelf; outside of it, so that pruning keeps it
    ROOT/shelves/ID/key.json        the key, whose sha256 is ID, and a label; its time is when the shelf was last used
    ROOT/shelves/ID/index.sqlite    digest of the sample -> row and checksum; the columns, see `index.py`
    ROOT/shelves/ID/NAME.*.rows     one row after the other, of one tensor

A row counts once the index names it, and the index names it after its bytes were synced. What lies beyond the last
row named is left over from a killed process; the next one that fills the shelf cuts it off.

Rows are compared with their checksums before they are given out. What has changed is dropped, and so counts as missing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import filelock
import numpy as np

from thawline.errors import UserError
from thawline.features.progress import say
from thawline.features.store.disk import DamagedError, check_database, check_room, explained, is_read_only
from thawline.features.store.index import ShelfIndex, add, end_of, share
from thawline.features.store.key import shelf_id
from thawline.features.store.rows import ON_DISK, Array, Column, RowLocation, Rows, encode, row_checksums
from thawline.files import JSON, sync_folder, write_text

if TYPE_CHECKING:
    from thawline.encoders.encoder import Features

TRASH = "removed-"
_SHARED_AT_ONCE = 64  # rows
_HEALED_AT_MOST = 3  # times a shelf in one pass: a disk that damages it again and again is for the user to replace

T = TypeVar("T")


class FeatureStore:
    """Features on disk, found by the sample's content and by what computed them."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        """Make the folders.

        Args:
            root: Of the store.
            read_only: Whether it is only read even where it can be written.
        """
        self.root = root.expanduser().absolute()
        with explained(self.root):
            self.read_only = read_only or is_read_only(self.root)
            for folder in () if self.read_only else (self.shelves, self.locks):
                folder.mkdir(parents=True, exist_ok=True)

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


class DamagedShelfError(DamagedError):
    """A shelf is not what was written. Wherever nobody heals it, this is what the user reads.

    Attributes:
        shelf: Which.
        digests: Samples whose rows have changed; None: the index has.
        state: Of the index, by which it can be told whether another process healed it since.
    """

    def __init__(self, shelf: Shelf, digests: Sequence[str] | None) -> None:
        self.shelf = shelf
        self.digests = digests
        self.state = shelf.state()
        what = "its index" if digests is None else f"{len(digests)} of its rows"
        super().__init__(
            f"The stored features of {shelf.label} ({shelf.folder}) are damaged ({what}); "
            "'thawline store verify repair=true' drops what is, and it is computed again."
        )


def healing(work: Callable[[], T]) -> T:
    """What `work` gives, which begins anew whenever it finds a shelf damaged, and finds missing there what was.

    Raises:
        UserError: The store can't be written, or is damaged again and again.
    """
    healed: Counter[str] = Counter()
    while True:
        try:
            return work()
        except DamagedShelfError as found:
            if healed[found.shelf.id] == _HEALED_AT_MOST or found.shelf.store.read_only:
                raise
            healed[found.shelf.id] += 1
            found.shelf.heal(found)


class Shelf:
    """The features that one frozen network gives at one cut."""

    def __init__(self, store: FeatureStore, key: Mapping[str, JSON], label: str = "") -> None:
        self.store = store
        self.key = dict(key)
        self.id = shelf_id(key)
        self.label = label or self.id[:12]
        self.folder = store.shelves / self.id
        self._index = ShelfIndex(self.folder, read_only=store.read_only)
        self._dtype = dtype if (dtype := str(key.get("dtype"))) in ON_DISK else None
        self._filling = False

    @property
    def index(self) -> Path:
        """The SQLite file that says which rows count."""
        return self._index.path

    def state(self) -> tuple[int, int] | None:
        """What changes whenever the index does."""
        with suppress(OSError):
            status = self.index.stat()
            return status.st_ino, status.st_mtime_ns
        return None

    def lock(self) -> filelock.BaseFileLock:
        """What the one process that fills or removes this shelf holds; the system frees it when the process ends."""
        return filelock.FileLock(self.store.locks / f"{self.id}.lock")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Be the one process that appends; others wait here. Ask `missing` again within: another may have filled it."""
        if self.store.read_only:  # what is to be read may all be there
            yield
            return
        with self._locked():
            self._prepare()
            self._filling = True
            try:
                yield
            finally:
                self._filling = False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.lock()
        with explained(self.store.root):
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                say(f"waiting for another process that fills the features of {self.label}")
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of `digests` that have no features yet, each once, in order."""
        positions, _ = self._find(digests)
        return [digest for digest in dict.fromkeys(digests) if digest not in positions]

    def digests(self) -> set[str]:
        """All samples that have features."""
        positions, _ = self._find(None)
        return set(positions)

    def rows(self, digests: Sequence[str], *, check: bool = True) -> Rows:
        """The features of `digests`, in that order, repeated ones included.

        Args:
            digests: Of the samples.
            check: Whether each is compared with its checksum. Whoever needs some of them only asks for `Rows.changed`.

        Raises:
            DamagedShelfError: Some have changed.
            UserError: One of them has no features.
        """
        places, columns = self._find(digests)
        absent = sum(digest not in places for digest in digests)
        if absent:
            raise UserError(
                f"{absent} of {len(digests)} samples have no features of {self.label} in the store ({self.folder}); "
                "they may just have been pruned: run it again"
            )
        return self._rows(digests, places, columns, check)

    def rows_if_all(self, digests: Sequence[str]) -> Rows | None:
        """What `rows` gives; None where some have no features. Of very many, half the time of `missing` and `rows`."""
        places, columns = self._find(digests)
        return None if any(digest not in places for digest in digests) else self._rows(digests, places, columns, True)

    def _rows(
        self, digests: Sequence[str], places: Mapping[str, RowLocation], columns: Sequence[Column], check: bool
    ) -> Rows:
        with self._explained():
            rows = Rows(self.folder, columns, digests, [places[digest] for digest in digests])
            if check and (changed := rows.changed()):
                raise DamagedShelfError(self, changed)
        self._touch()
        return rows

    def heal(self, found: DamagedShelfError) -> None:
        """Drop what was found damaged, and say so; what another process has healed meanwhile stays."""
        with self._locked(), explained(self.store.root):
            if found.digests is None or check_database(self.index):
                if self.state() == found.state:
                    remove_shelf(self.store, self.id)
                    say(f"the index of the stored features of {self.label} was damaged: computing them again")
            else:
                places, columns = self._index.find(found.digests)
                changed = Rows(self.folder, columns, list(places), list(places.values())).changed()
                self._index.drop(changed)
                if changed:
                    say(f"{len(changed)} stored features of {self.label} were damaged: computing them again")

    def columns(self) -> list[Column]:
        """What each sample has here; none where none is stored."""
        return self._find([])[1]

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
        if self.store.read_only:
            raise UserError(
                f"the feature store ({self.store.root}) can't be written, and it lacks features of {self.label}; "
                "set store.dir=… to another folder"
            )
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
        with self._explained(needed):
            check_room(self.store.root, needed)
            self._write([digests[i] for i in new], columns, [encoded[column.name][1][new] for column in columns])
        return len(new)

    def share(self, like: Mapping[str, str]) -> None:
        """Give samples the features of others, which only a rehearsal does. Only within `filling()`.

        Args:
            like: The digest of a sample that is stored, by that of one that is not.
        """
        places, columns = self._find(list(dict.fromkeys(like.values())))
        maps = [column.map(self.folder, self._index.complete(columns)) for column in columns]
        checksums: list[int] = []
        rest = iter(like.items())
        while some := list(islice(rest, _SHARED_AT_ONCE)):
            rows = np.array([places[other].row for _, other in some])
            checksums += row_checksums(columns, [digest for digest, _ in some], [mapped[rows] for mapped in maps])
        with self._index.opened() as db:
            share(db, list(like), [places[other].row for other in like.values()], checksums)

    def _write(self, digests: list[str], columns: list[Column], arrays: list[Array]) -> None:
        with self._index.opened() as db:
            start = end_of(db)
            for column, array in zip(columns, arrays, strict=True):
                _write_rows(self.folder / column.file, start * column.row_bytes, array)
            if start == 0:
                sync_folder(self.folder)
            add(db, columns, digests, start, row_checksums(columns, digests, arrays))

    def _compare(self, columns: Sequence[Column], given: Sequence[Column]) -> None:
        there, now = _describe(columns), _describe(given)
        if there != now:
            raise UserError(
                f"the shelf of {self.label} ({self.folder}) holds {there}, but now the network gives {now}: "
                "its key leaves out what changed; delete this folder and report it"
            )

    def _find(self, digests: Sequence[str] | None) -> tuple[dict[str, RowLocation], list[Column]]:
        """Places of those of `digests` (None: of all) that count, and the columns. Without a lock."""
        with self._explained():
            return self._index.find(digests)

    def _prepare(self) -> None:
        """Under the lock: make the shelf, or remove what a killed process left over."""
        with self._explained():
            self.folder.mkdir(exist_ok=True)
            self._write_key()
            columns, end = self._index.prepare()
            for path, surplus in leftovers(self.folder, columns, end):
                if any(path.name == column.file for column in columns):
                    os.truncate(path, path.stat().st_size - surplus)
                else:
                    path.unlink()
        self._touch()

    @contextmanager
    def _explained(self, needed: int = 0) -> Iterator[None]:
        try:
            with explained(self.store.root, needed):
                yield
        except DamagedShelfError:
            raise
        except DamagedError as error:
            raise DamagedShelfError(self, None) from error

    def _write_key(self) -> None:
        about = self.folder / "key.json"
        if not about.exists():
            write_text(about, json.dumps({"label": self.label, "key": self.key}, indent=1, sort_keys=True))
            sync_folder(self.store.shelves)

    def _touch(self) -> None:
        with suppress(OSError):  # only for `store list` and `store prune`
            if not self.store.read_only and self.folder.is_dir():
                self._write_key()
                os.utime(self.folder / "key.json")


def remove_shelf(store: FeatureStore, shelf: str) -> None:
    """Remove a shelf, under its lock. Renamed first, so that no half of it is ever taken for a shelf."""
    trash = store.shelves / f"{TRASH}{shelf}"
    shutil.rmtree(trash, ignore_errors=True)
    (store.shelves / shelf).rename(trash)
    shutil.rmtree(trash, ignore_errors=True)


def leftovers(folder: Path, columns: Sequence[Column], end: int) -> list[tuple[Path, int]]:
    """Files of a shelf that hold bytes beyond row `end`, and how many."""
    kept = {column.file: end * column.row_bytes for column in columns}
    sizes = {path: path.stat().st_size - kept.get(path.name, 0) for path in sorted(folder.glob("*.rows"))}
    return [(path, surplus) for path, surplus in sizes.items() if surplus > 0 or path.name not in kept]


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
