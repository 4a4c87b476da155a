"""What is known of files and their contents, so that unchanged ones are not read again.

Two tables: a file's path, size and times -> the digest of its content; digest -> the facts of that content.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from thawline.features.kinds import F, File, Kind
from thawline.features.progress import say
from thawline.features.store.disk import (
    ChangedDatabaseError,
    DamagedError,
    check_database,
    database,
    explained,
    integrity,
    is_read_only,
)

# A file that was written this shortly before it was read can be written again without its time changing.
SETTLED_NS = 2 * 10**9

_FORMAT = 2  # of the tables
_CRC_RAISED = "user-defined function raised exception"  # SQLite's words
_SCHEMA = """
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS facts;
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
                    settled INTEGER NOT NULL, digest TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE facts (digest TEXT PRIMARY KEY, version TEXT NOT NULL, json TEXT NOT NULL, checksum INTEGER NOT NULL);
"""

# A record counts only with its checksum, which is taken over what was asked for: an index that leads to another record
# is noticed too. Texts are taken as bytes, since a byte that changed may leave no text.
_RECALL = """
SELECT facts.json FROM files JOIN facts ON facts.digest = files.digest
WHERE path = ?1 AND size = ?2 AND mtime_ns = ?3 AND ctime_ns = ?4 AND settled AND facts.version = ?5
AND files.checksum = crc(?1, ?2, ?3, ?4, settled, CAST(files.digest AS BLOB))
AND facts.checksum = crc(CAST(files.digest AS BLOB), CAST(?5 AS BLOB), CAST(facts.json AS BLOB))
"""
_FACTS_OF = """
SELECT json FROM facts
WHERE digest = ?1 AND version = ?2 AND checksum = crc(CAST(?1 AS BLOB), CAST(?2 AS BLOB), CAST(json AS BLOB))
"""
_KEEP_FILE = """
INSERT OR REPLACE INTO files VALUES (?1, ?2, ?3, ?4, ?5, ?6, crc(?1, ?2, ?3, ?4, ?5, CAST(?6 AS BLOB)))
"""
_KEEP_FACTS = """
INSERT INTO facts VALUES (?1, ?2, ?3, crc(CAST(?1 AS BLOB), CAST(?2 AS BLOB), CAST(?3 AS BLOB)))
ON CONFLICT (digest) DO UPDATE SET version = excluded.version, json = excluded.json, checksum = excluded.checksum
WHERE version != excluded.version
OR CASE WHEN checksum IS NOT crc(CAST(digest AS BLOB), CAST(version AS BLOB), CAST(json AS BLOB)) THEN TRUE
        ELSE json_extract(json, '$.decoder') IS NOT json_extract(excluded.json, '$.decoder') END
"""
_CHANGED_FILES = """
FROM files WHERE checksum IS NOT crc(path, size, mtime_ns, ctime_ns, settled, CAST(digest AS BLOB))
"""
_CHANGED_FACTS = """
FROM facts WHERE checksum IS NOT crc(CAST(digest AS BLOB), CAST(version AS BLOB), CAST(json AS BLOB))
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Stamp:
    """What tells that a file's content may have changed.

    Attributes:
        size: Bytes.
        mtime_ns: When the content was written.
        ctime_ns: When the inode was changed, which no tool sets back.
        settled: Whether the last write was long enough before this was taken for the next one to show.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    settled: bool

    @staticmethod
    def of(path: Path) -> Stamp:
        """The stamp of a file now; OSError if it cannot be had."""
        now = time.time_ns()
        status = path.stat()
        return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, now - status.st_mtime_ns > SETTLED_NS)

    @staticmethod
    def found(path: Path) -> Stamp | None:
        """The stamp of a file now; None if it cannot be had."""
        with suppress(OSError):
            return Stamp.of(path)
        return None

    def same(self, other: Stamp) -> bool:
        """Whether the file was not touched in between."""
        return (self.size, self.mtime_ns, self.ctime_ns) == (other.size, other.mtime_ns, other.ctime_ns)


@dataclass(frozen=True)
class FileRecord(Generic[F]):
    """A file that was read: where, its stamp before and after, and what was found."""

    path: Path
    stamp: Stamp
    facts: F


def stamps_of(files: Iterable[File]) -> dict[Path, Stamp]:
    """The stamps of those files that are there."""
    return {file.path: stamp for file in files if (stamp := Stamp.found(file.path))}


class FileIndex(Generic[F]):
    """The memory of files of one kind, in the store's folder.

    Everything in it can be found again. What was damaged is set aside, and where the store can't be written nothing is
    added.
    """

    def __init__(self, root: Path, kind: Kind[F], *, read_only: bool | None = None) -> None:
        """Say which.

        Args:
            root: The store's folder.
            kind: Of the files.
            read_only: Whether it is only read; None: where it can't be written.
        """
        self._root = root
        self._kind = kind
        self._path = root / kind.index
        self._read_only = is_read_only(root) if read_only is None else read_only
        self._unusable = False
        self._checked = False
        self._lock = threading.Lock()

    def recall(self, stamps: Mapping[Path, Stamp]) -> dict[Path, F]:
        """The facts of those files that did not change since they were read."""

        def look(db: sqlite3.Connection) -> dict[Path, F]:
            found = {}
            for path, stamp in stamps.items():
                key = (os.fsencode(path), stamp.size, stamp.mtime_ns, stamp.ctime_ns, self._kind.version)
                if row := db.execute(_RECALL, key).fetchone():
                    found[path] = self._kind.from_json(json.loads(row[0]))
            return found

        return self._with(look)

    def facts(self, digest: str) -> F | None:
        """The facts of a content, if it was ever read."""
        row = self._with(lambda db: db.execute(_FACTS_OF, (digest, self._kind.version)).fetchone())
        return self._kind.from_json(json.loads(row[0])) if row else None

    def facts_of(self, digests: Iterable[str]) -> dict[str, F]:
        """The facts of those contents that were ever read."""

        def look(db: sqlite3.Connection) -> dict[str, F]:
            rows = ((one, db.execute(_FACTS_OF, (one, self._kind.version)).fetchone()) for one in digests)
            return {digest: self._kind.from_json(json.loads(row[0])) for digest, row in rows if row}

        return self._with(look)

    def sizes(self) -> set[int]:
        """The sizes of all files ever read: one of another size has a content that is not known."""
        return self._with(lambda db: {size for (size,) in db.execute("SELECT DISTINCT size FROM files")})

    def remember(self, seen: Iterable[FileRecord[F]]) -> None:
        """Keep what was found; the first facts of a content stay, unless another decoder gave them."""
        files, facts = [], []
        for one in seen:
            digest, stamp = one.facts.digest, one.stamp
            times = (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.settled)
            files.append((os.fsencode(one.path), *times, digest))
            facts.append((digest, self._kind.version, json.dumps(one.facts.to_json())))
        if not files or self._read_only:
            return

        def keep(db: sqlite3.Connection) -> None:
            if not self._checked and (wrong := integrity(db)):
                raise ChangedDatabaseError(wrong[0])
            self._checked = True
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(_KEEP_FILE, files)
                db.executemany(_KEEP_FACTS, facts)

        self._with(keep)

    def problems(self) -> list[str]:
        """What is wrong with it."""
        if not self._path.exists():
            return []
        if wrong := check_database(self._path, read_only=self._read_only):
            return wrong
        with explained(self._root):
            if not self._is_of_format():  # an older version's, which is made anew when it is next used
                return []
        with explained(self._root), self._opened() as db:
            found = (db.execute("SELECT count(*) " + what).fetchone()[0] for what in (_CHANGED_FILES, _CHANGED_FACTS))
            changed = sum(found)
        return [f"{self._path.name}: {changed} records have changed"] if changed else []

    def mend(self) -> None:
        """Drop what is damaged, see `problems`."""
        if check_database(self._path):
            self._remove()
            return
        with explained(self._root), self._opened() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE " + _CHANGED_FILES)
            db.execute("DELETE " + _CHANGED_FACTS)

    def forget(self) -> None:
        """Drop everything, and give the room back."""
        if check_database(self._path):
            self._remove()

        def empty(db: sqlite3.Connection) -> None:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM files")
                db.execute("DELETE FROM facts")
            db.execute("VACUUM")

        self._with(empty)

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:  # a thread must not set aside what another is just reading
            try:
                with explained(self._root), self._opened() as db:
                    return work(db)
            except DamagedError:
                self._set_aside()
                with explained(self._root), self._opened() as db:
                    return work(db)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection to tables that are there: empty ones in memory where there are none and none can be made."""
        with ExitStack() as stack:
            if self._read_only and (self._unusable or not self._is_of_format()):
                db = stack.enter_context(closing(sqlite3.connect(":memory:", isolation_level=None)))
            else:
                db = stack.enter_context(database(self._path, create=True, read_only=self._read_only))
            stack.enter_context(_checksums(db))
            if _format(db) != _FORMAT:
                _make_tables(db)
            yield db

    def _is_of_format(self) -> bool:
        if not self._path.exists():
            return False
        with database(self._path, read_only=self._read_only) as db:
            return _format(db) == _FORMAT

    def _set_aside(self) -> None:
        what = f"what the feature store remembers of files ({self._path.name}) was damaged"
        if self._read_only:
            self._unusable = True
        else:
            self._remove()
        say(f"{what}: reading them again")

    def _remove(self) -> None:
        with explained(self._root):
            for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
                path.unlink(missing_ok=True)


def _format(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def _make_tables(db: sqlite3.Connection) -> None:
    with db:
        db.execute("BEGIN IMMEDIATE")
        if _format(db) != _FORMAT:  # another process may just have made them
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_FORMAT}")


@contextmanager
def _checksums(db: sqlite3.Connection) -> Iterator[None]:
    """Within, `db` knows `crc`. Ctrl-C that comes while it computes one is Ctrl-C, and not an error of SQLite's.

    Otherwise it would pass for damage, and all that is remembered would be dropped.
    """
    raised: list[BaseException] = []

    def crc(*values: object) -> int:
        try:
            return _checksum(*values)
        except BaseException as error:
            raised.append(error)
            raise

    db.create_function("crc", -1, crc, deterministic=True)
    try:
        yield
    except sqlite3.OperationalError as error:
        if _CRC_RAISED not in str(error):
            raise
        raise (raised[0] if raised else KeyboardInterrupt()) from None  # the latter before crc's first line


def _checksum(*values: object) -> int:
    return zlib.crc32(repr(values).encode(errors="replace"))
