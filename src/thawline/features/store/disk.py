"""The store's dealings with the disk: SQLite connections, durable files, and errors in one sentence."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thawline.errors import UserError

BUSY_SECONDS = 60.0
_MB = 10**6
_NEWEST = 2  # of the versions of SQLite's file format, for writing and for reading
_NOT_THE_FILES_FAULT = tuple(
    f"SQLITE_{name}"
    for name in (
        "BUSY",
        "LOCKED",
        "FULL",
        "IOERR",
        "CANTOPEN",
        "READONLY",
        "NOMEM",
        "PERM",
        "AUTH",
        "INTERRUPT",
        "PROTOCOL",
        "NOLFS",
    )
)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DamagedError(UserError):
    """Something in the store is not what was written; whoever can do without it drops it and goes on."""


class ChangedDatabaseError(sqlite3.DatabaseError):
    """A database can be read, and is not what was written."""


def is_read_only(root: Path) -> bool:
    """Whether there is a store in `root` that this process may not write."""
    shelves = root / "shelves"
    return shelves.is_dir() and not (os.access(root, os.W_OK) and os.access(shelves, os.W_OK))


@contextmanager
def database(path: Path, *, create: bool = False, read_only: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode, for one operation: it is never shared between threads or kept over a fork.

    A transaction is written `with db: db.execute("BEGIN IMMEDIATE"); ...`: taking the write lock at once makes others
    wait instead of failing. EXTRA also syncs the directory, so that what was committed stays after a power cut.
    """
    if path.exists() and _is_of_later_version(path):
        raise ChangedDatabaseError("it says that it is of a later version of SQLite")
    mode = "ro" if read_only else "rwc" if create else "rw"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        db.execute("PRAGMA synchronous = EXTRA")
        yield db
    except UnicodeDecodeError as error:  # of SQLite's own message, which quotes a table's damaged definition
        raise ChangedDatabaseError("its tables are not those that were made") from error
    finally:
        db.close()


def _is_of_later_version(path: Path) -> bool:
    """Whether SQLite would only read this file: a byte of its header changed, since there is no later version."""
    with path.open("rb") as file:
        header = file.read(20)
    return header.startswith(b"SQLite format 3\0") and any(version > _NEWEST for version in header[18:])


def check_database(path: Path, *, read_only: bool = False) -> list[str]:
    """What SQLite finds wrong in a file; nothing if it is not there."""
    if not path.exists():
        return []
    try:
        with database(path, read_only=read_only) as db:
            found = integrity(db)
    except sqlite3.DatabaseError as error:
        return [f"{path.name}: {error}"]
    return [f"{path.name}: {what}" for what in found]


def integrity(db: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with a database. It looks at all of it, so before it is written to, not each time."""
    return [what for (what,) in db.execute("PRAGMA integrity_check") if what != "ok"]


def check_room(root: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        root: The store.
        needed: Bytes that will be written.

    Raises:
        UserError: Fewer are free.
    """
    if shutil.disk_usage(root).free < needed:
        raise UserError(_full(root, needed)) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def explained(root: Path, needed: int = 0) -> Iterator[None]:
    """Turn errors of the disk and of SQLite into one sentence.

    Args:
        root: The store.
        needed: Bytes that are to be written within, for the message.

    Raises:
        DamagedError: In place of a sqlite3.DatabaseError that only a damaged file can cause.
        UserError: In place of any OSError or other sqlite3.DatabaseError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(_full(root, needed)) from error
        reason = error.strerror or str(error)
        what = f"{error.filename}: {reason}" if error.filename else reason
        raise UserError(
            f"the feature store ({root}) cannot be used: {what}; mend that or set store.dir=… to another folder"
        ) from error
    except sqlite3.DatabaseError as error:
        kind = DamagedError if _is_damage(error) else UserError
        raise kind(_explain_sqlite(root, needed, error)) from error


def _explain_sqlite(root: Path, needed: int, error: sqlite3.DatabaseError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    # Some systems report a full disk while a journal is synced as an I/O error.
    no_room = name.startswith("SQLITE_IOERR") and shutil.disk_usage(root).free < _MB
    if name == "SQLITE_FULL" or no_room:
        return _full(root, needed)
    if name.startswith("SQLITE_BUSY"):
        return f"the feature store ({root}) is held by another process for over {BUSY_SECONDS:.0f} s; try again later"
    if _is_damage(error):
        return f"the feature store ({root}) is damaged ({error}); 'thawline store verify repair=true' mends it"
    return f"the feature store ({root}) cannot be used: {error}; mend that or set store.dir=… to another folder"


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault, not the disk, another process or a caller: our statements suit what we wrote."""
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.NotSupportedError):
        return False
    return not getattr(error, "sqlite_errorname", "").startswith(_NOT_THE_FILES_FAULT)


def _full(root: Path, needed: int) -> str:
    free = shutil.disk_usage(root).free
    return (
        f"the disk that holds the feature store ({root}) is full: {free / _MB:.1f} MB are free, "
        f"about {max(needed, _MB // 10) / _MB:.1f} MB are needed; free some space or set store.dir=… to another disk"
    )
