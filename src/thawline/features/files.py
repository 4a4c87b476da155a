"""What is known of files and their contents, so that unchanged ones are not read again.

Two tables: a file's path, size and times -> the digest of its content; digest -> the facts of that content.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from thawline.features.disk import database, explained
from thawline.features.kinds import F, File, Kind

# A file that was written this shortly before it was read can be written again without its time changing.
SETTLED_NS = 2 * 10**9

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
                                  ctime_ns INTEGER NOT NULL, settled INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (digest TEXT PRIMARY KEY, version TEXT NOT NULL, json TEXT NOT NULL);
"""


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
class Seen(Generic[F]):
    """A file that was read: where, its stamp before and after, and what was found."""

    path: Path
    stamp: Stamp
    facts: F


def stamps_of(files: Iterable[File]) -> dict[Path, Stamp]:
    """The stamps of those files that are there."""
    return {file.path: stamp for file in files if (stamp := Stamp.found(file.path))}


class FileIndex(Generic[F]):
    """The memory of files of one kind, in the store's folder."""

    def __init__(self, root: Path, kind: Kind[F]) -> None:
        self._root = root
        self._kind = kind
        self._path = root / kind.index
        with explained(root), database(self._path, create=True) as db, db:
            db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                db.execute(statement)

    def recall(self, stamps: Mapping[Path, Stamp]) -> dict[Path, F]:
        """The facts of those files that did not change since they were read."""
        query = (
            "SELECT json FROM files JOIN facts USING (digest) WHERE path = ? AND size = ? AND mtime_ns = ? "
            "AND ctime_ns = ? AND settled AND version = ?"
        )
        found = {}
        with explained(self._root), database(self._path) as db:
            for path, stamp in stamps.items():
                key = (os.fsencode(path), stamp.size, stamp.mtime_ns, stamp.ctime_ns, self._kind.version)
                if row := db.execute(query, key).fetchone():
                    found[path] = self._kind.from_json(json.loads(row[0]))
        return found

    def facts(self, digest: str) -> F | None:
        """The facts of a content, if it was ever read."""
        query = "SELECT json FROM facts WHERE digest = ? AND version = ?"
        with explained(self._root), database(self._path) as db:
            row = db.execute(query, (digest, self._kind.version)).fetchone()
        return self._kind.from_json(json.loads(row[0])) if row else None

    def sizes(self) -> set[int]:
        """The sizes of all files ever read: one of another size has a content that is not known."""
        with explained(self._root), database(self._path) as db:
            return {size for (size,) in db.execute("SELECT DISTINCT size FROM files")}

    def remember(self, seen: Iterable[Seen[F]]) -> None:
        """Keep what was found; the first facts of a content stay, unless another decoder gave them."""
        files, facts = [], []
        for one in seen:
            digest, stamp = one.facts.digest, one.stamp
            times = (stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.settled)
            files.append((os.fsencode(one.path), *times, digest))
            facts.append((digest, self._kind.version, json.dumps(one.facts.to_json())))
        if not files:
            return
        with explained(self._root), database(self._path) as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", files)
            db.executemany(
                "INSERT INTO facts VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE "
                "SET version = excluded.version, json = excluded.json "
                "WHERE version != excluded.version "
                "OR json_extract(json, '$.decoder') IS NOT json_extract(excluded.json, '$.decoder')",
                facts,
            )

    def forget(self) -> None:
        """Drop everything, and give the room back."""
        with explained(self._root), database(self._path) as db:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM files")
                db.execute("DELETE FROM facts")
            db.execute("VACUUM")
