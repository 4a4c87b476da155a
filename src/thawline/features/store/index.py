"""A shelf's index: which rows count, and checksums that reveal a change of a row or of the index.

A row's checksum begins with the seal of the shelf's columns and the sample's digest, and goes on with the row's bytes:
a damaged index that leads to the row of another sample, or reads it as something else, is noticed like a damaged row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from thawline.features.store.disk import ChangedDatabaseError, database, integrity
from thawline.features.store.rows import Column, RowLocation, checksum_of, columns_as_text, seal_of

INDEX_FILE = "index.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS columns
    (name TEXT PRIMARY KEY, file TEXT NOT NULL, dtype TEXT NOT NULL, shape TEXT NOT NULL, seal INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS samples
    (digest TEXT PRIMARY KEY, row INTEGER NOT NULL UNIQUE, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lost (row INTEGER PRIMARY KEY);
"""
_LOOK_UP_COST = 8
_ASKED_AT_ONCE = 500  # SQLite bounds the number of parameters
# What a damaged index can hold in place of text and a row.
_READABLE = "typeof(digest) = 'text' AND typeof(row) = 'integer' AND row >= 0"


class ShelfIndex:
    """The SQLite file in a shelf's folder."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self.path = folder / INDEX_FILE
        self._read_only = read_only

    @contextmanager
    def opened(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection, see `database`."""
        with database(self.path, create=create, read_only=self._read_only) as db:
            # A digest of which a byte changed is not that of any sample, and no reason to give up the others.
            db.text_factory = _text
            yield db

    def find(self, digests: Sequence[str] | None) -> tuple[dict[str, RowLocation], list[Column]]:
        """Places of those of `digests` (None: of all) whose row lies whole in every file, and the columns."""
        if not self.path.exists():
            return {}, []
        with self.opened() as db:
            try:
                columns = read_columns(db)
                places = dict(_places(db, digests))
            except sqlite3.OperationalError as error:
                if "no such table" in str(error) and _is_new(db):
                    return {}, []
                raise
        if places and not columns:
            raise ChangedDatabaseError("there are samples and no columns")
        end = self.complete(columns)
        return {digest: place for digest, place in places.items() if place.row < end}, columns

    def everything(self) -> tuple[list[Column], int, dict[str, RowLocation]]:
        """The columns, the first row that was never named, and all places, also those whose row does not lie whole."""
        with self.opened() as db:
            return read_columns(db), end_of(db), dict(_places(db, None))

    def is_made(self) -> bool:
        """Whether there are any tables."""
        with self.opened() as db:
            return not _is_new(db)

    def complete(self, columns: Sequence[Column]) -> int:
        """How many rows lie whole in every file: fewer than the index names if a file was cut short from outside."""
        return min((rows for _, rows in self.rows_of(columns)), default=0)

    def rows_of(self, columns: Sequence[Column]) -> list[tuple[Column, int]]:
        """How many rows lie whole in each column's file."""
        sizes = ((column, self.folder / column.file) for column in columns)
        return [(column, path.stat().st_size // column.row_bytes if path.exists() else 0) for column, path in sizes]

    def prepare(self) -> tuple[list[Column], int]:
        """Make the tables, drop rows that are not there; the columns, and the number of rows that may be in use."""
        with self.opened(create=True) as db:
            if wrong := integrity(db):
                raise ChangedDatabaseError(wrong[0])
            with db:
                db.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
            columns = read_columns(db)
            complete = self.complete(columns)
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute(f"DELETE FROM samples WHERE NOT ({_READABLE} AND row < ?)", (complete,))  # noqa: S608
                db.execute("DELETE FROM lost WHERE row >= ?", (complete,))
            return columns, end_of(db)

    def drop(self, digests: Sequence[str]) -> None:
        """Forget samples. Their rows stay named as lost: another process may still read what follows them."""
        with self.opened() as db:
            complete = self.complete(read_columns(db))
            with db:
                db.execute("BEGIN IMMEDIATE")
                for digest in digests:
                    db.execute(
                        f"INSERT OR IGNORE INTO lost SELECT row FROM samples WHERE digest = ? AND {_READABLE} "  # noqa: S608
                        "AND row < ?",
                        (digest, complete),
                    )
                    db.execute("DELETE FROM samples WHERE digest = ?", (digest,))


def read_columns(db: sqlite3.Connection) -> list[Column]:
    """The tensors of a shelf, sorted by name.

    Raises:
        ChangedDatabaseError: They are not those that were written.
    """
    found = db.execute("SELECT name, file, dtype, shape, seal FROM columns ORDER BY name").fetchall()
    if any(seal != checksum_of([values[:4] for values in found]) for *_, seal in found):
        raise ChangedDatabaseError("its columns have changed")
    return [Column(name, file, dtype, tuple(json.loads(shape))) for name, file, dtype, shape, _ in found]


def add(
    db: sqlite3.Connection, columns: Sequence[Column], digests: Sequence[str], start: int, checksums: Sequence[int]
) -> None:
    """Name rows from `start` on, in one transaction."""
    seal = seal_of(columns)
    with db:
        db.execute("BEGIN IMMEDIATE")
        for name, file, dtype, shape in columns_as_text(columns):
            db.execute("INSERT OR IGNORE INTO columns VALUES (?, ?, ?, ?, ?)", (name, file, dtype, shape, seal))
        rows = range(start, start + len(digests))
        db.executemany("INSERT INTO samples VALUES (?, ?, ?)", zip(digests, rows, checksums, strict=True))


def share(db: sqlite3.Connection, digests: Sequence[str], rows: Sequence[int], checksums: Sequence[int]) -> None:
    """Name rows that have names already, as only a rehearsal does: a store's own rows have one each."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        # The new table is without the rule that a row has one name.
        db.execute("CREATE TABLE shared (digest TEXT PRIMARY KEY, row INTEGER NOT NULL, checksum INTEGER NOT NULL)")
        db.execute("INSERT INTO shared SELECT * FROM samples")
        db.executemany("INSERT INTO shared VALUES (?, ?, ?)", zip(digests, rows, checksums, strict=True))
        db.execute("DROP TABLE samples")
        db.execute("ALTER TABLE shared RENAME TO samples")


def end_of(db: sqlite3.Connection) -> int:
    """The first row that was never named."""
    query = "SELECT coalesce(max(row) + 1, 0) FROM (SELECT row FROM samples UNION ALL SELECT row FROM lost)"
    end: int = db.execute(query).fetchone()[0]
    return end


def _is_new(db: sqlite3.Connection) -> bool:
    """Whether another process is just making the shelf, so that there is no table at all."""
    tables: int = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return tables == 0


def _places(db: sqlite3.Connection, digests: Sequence[str] | None) -> Iterator[tuple[str, RowLocation]]:
    every = f"SELECT digest, row, checksum FROM samples WHERE {_READABLE}"  # noqa: S608
    asked = None if digests is None else dict.fromkeys(digests)
    # Looking one up takes several times as long as going over one.
    if asked is not None and len(asked) * _LOOK_UP_COST < _at_most(db):
        yield from _asked(db, every, asked)
    else:
        for digest, row, checksum in db.execute(every):
            if asked is None or digest in asked:
                yield digest, RowLocation(row, checksum)


def _asked(db: sqlite3.Connection, every: str, asked: Mapping[str, None]) -> Iterator[tuple[str, RowLocation]]:
    rest = iter(asked)
    while some := list(islice(rest, _ASKED_AT_ONCE)):
        marks = ",".join("?" * len(some))
        yield from (
            (d, RowLocation(row, checksum)) for d, row, checksum in db.execute(f"{every} AND digest IN ({marks})", some)
        )


def _at_most(db: sqlite3.Connection) -> int:
    """At most how many samples there are, without going over them."""
    count: int = db.execute("SELECT coalesce(max(rowid), 0) FROM samples").fetchone()[0]
    return count


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
