"""What a database refuses, as one sentence: what, where, and how to mend it."""

import resource
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from thawline.errors import UserError
from thawline.runs.secrets import without_secrets

_LITTLE = 1_000_000  # bytes
_FULL = ("there is no room left for it", "free some space; what was written before is safe")
_LOCKED = ("another process keeps it locked", "wait until that has ended, or end it, and try again")
_READ_ONLY = ("it may not be written", "change the permissions of the file and its folder, or choose another database")
_DAMAGED = ("it is damaged", "put a copy of it back, or choose another database")
# SQLite's codes, the more particular first.
_SQLITE = (
    ("SQLITE_FULL", _FULL),
    ("SQLITE_BUSY", _LOCKED),
    ("SQLITE_LOCKED", _LOCKED),
    ("SQLITE_READONLY", _READ_ONLY),
    ("SQLITE_PERM", _READ_ONLY),
    ("SQLITE_CANTOPEN", ("it can't be opened", "see that the folder may be written, or choose another place")),
    ("SQLITE_NOTADB", ("this is no database", "choose another file")),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_IOERR", ("the disk fails to read or write", "check it, or choose another database")),
)
# PostgreSQL's classes of errors, and errors, by their code.
_POSTGRESQL = (
    ("53100", _FULL),
    ("55P03", _LOCKED),
    ("57014", _LOCKED),
    ("25006", _READ_ONLY),
    ("42501", ("this user may not do that there", "grant the rights on the schema, or connect as another user")),
    ("28", ("the server does not let this user in", "check the user's name and the password")),
    ("3D000", ("there is no such database", "create it, or check its name")),
    ("53300", ("the server has too many connections", "end some, or raise its max_connections")),
    ("57P", ("the server is ending or starting", "try again in a moment")),
    ("40", ("another process wrote the same at the same time", "try again")),
    ("22003", ("a number is larger than it holds", "give a smaller one")),
    ("XX", _DAMAGED),
)


def explain_refusal(error: DBAPIError | sqlite3.Error, place: str) -> UserError | None:
    """What the database at `place` refused; None where the error is not the database's but the program's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        known = next((said for code, said in _SQLITE if name.startswith(code)), None)
        if name.startswith("SQLITE_CANTOPEN"):
            known = _explain_place(Path(place)) or known
        elif name.startswith("SQLITE_IOERR") and _is_short(Path(place).parent):
            known = _FULL
    else:
        state = getattr(cause, "sqlstate", None)
        known = next((said for code, said in _POSTGRESQL if (state or "").startswith(code)), None)
        if state is None and isinstance(error, DBAPIError) and type(error).__name__ == "OperationalError":
            known = (_first_line(cause), "see that the server runs, and check the address, the user and the password")
    return None if known is None else _refused(place, known)


def read_only_at(place: str) -> UserError:
    """That the database at `place` may not be written."""
    return _refused(place, _READ_ONLY)


def _refused(place: str, known: tuple[str, str]) -> UserError:
    return UserError(f"the database {place}: {known[0]}; {known[1]}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process has the database to itself for a moment."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _explain_place(file: Path) -> tuple[str, str] | None:
    """Why there can be no database at `file`, where that is plain to see."""
    if not file.parent.exists():
        return "its folder is not there", "make the folder, or check its name"
    return ("it is a folder", "add the file's name") if file.is_dir() else None


def _is_short(folder: Path) -> bool:
    """Whether there may be no room left in `folder`: the system says no more than that a file can't be written."""
    limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return limited or (folder.is_dir() and shutil.disk_usage(folder).free < _LITTLE)


def _first_line(error: BaseException | None) -> str:
    """What the driver says, in one line, without the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return without_secrets(lines[0])
