"""The store's dealings with the disk: SQLite connections, durable files, and errors in one sentence."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thawline.errors import UserError

BUSY_SECONDS = 60.0
_MB = 10**6
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def database(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode, for one operation: it is never shared between threads or kept over a fork.

    A transaction is written `with db: db.execute("BEGIN IMMEDIATE"); ...`: taking the write lock at once makes others
    wait instead of failing. EXTRA also syncs the directory, so that what was committed stays after a power cut.
    """
    mode = "rwc" if create else "rw"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        db.execute("PRAGMA synchronous = EXTRA")
        yield db
    finally:
        db.close()


def check_room(root: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        root: The store.
        needed: Bytes that will be written.

    Raises:
        UserError: Fewer are free.
    """
    if shutil.disk_usage(root).free < needed:
        raise UserError(_full(root, needed))


@contextmanager
def explained(root: Path, needed: int = 0) -> Iterator[None]:
    """Turn errors of the disk and of SQLite into one sentence.

    Args:
        root: The store.
        needed: Bytes that are to be written within, for the message.

    Raises:
        UserError: In place of any OSError or sqlite3.DatabaseError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise UserError(_full(root, needed)) from error
        reason = error.strerror or str(error)
        what = f"{error.filename}: {reason}" if error.filename else reason
        raise UserError(
            f"The feature store ({root}) cannot be used: {what}; mend that or set store.dir=… to another folder."
        ) from error
    except sqlite3.DatabaseError as error:
        raise UserError(_explain_sqlite(root, needed, error)) from error


def _explain_sqlite(root: Path, needed: int, error: sqlite3.DatabaseError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    # Some systems report a full disk while a journal is synced as an I/O error.
    no_room = name.startswith("SQLITE_IOERR") and shutil.disk_usage(root).free < _MB
    if name == "SQLITE_FULL" or no_room:
        return _full(root, needed)
    if name.startswith("SQLITE_BUSY"):
        return f"The feature store ({root}) is held by another process for over {BUSY_SECONDS:.0f} s; try again later."
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return f"The feature store ({root}) is damaged ({error}); `thawline store verify` says where."
    return f"The feature store ({root}) cannot be used: {error}; mend that or set store.dir=… to another folder."


def _full(root: Path, needed: int) -> str:
    free = shutil.disk_usage(root).free
    return (
        f"The disk that holds the feature store ({root}) is full: {free / _MB:.1f} MB are free, "
        f"about {max(needed, _MB // 10) / _MB:.1f} MB are needed; free some space or set store.dir=… to another disk."
    )
