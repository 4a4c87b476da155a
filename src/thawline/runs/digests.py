"""SHA-256 of what a run wrote and will be read back, noted beside it: a change on disk is noticed when it is read.

The notes of a folder are a file that `sha256sum -c` reads too. A file without a note is read as it is.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DIGESTS_FILE = "SHA256SUMS"


@contextmanager
def noted(path: Path) -> Iterator[None]:
    """Within, the file `path` is written, complete or not at all; afterwards its digest is noted.

    While it is written there is no note: a process that is killed leaves none that belongs to another content.
    """
    notes = _read(path.parent)
    if notes.pop(path.name, None) is not None:
        _write(path.parent, notes)
    yield
    _write(path.parent, {**notes, path.name: _digest(path)})


def is_changed(path: Path) -> bool:
    """Whether there is a note of the file `path`, and the file is another one."""
    note = _read(path.parent).get(path.name)
    return note is not None and note != _digest(path)


def _read(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / DIGESTS_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    parts = (line.partition("  ") for line in lines)
    return {name: digest for digest, _, name in parts if name}


def _write(folder: Path, notes: dict[str, str]) -> None:
    """Not synced, for the sake of sweeps with many small trials: after a power cut there may be no notes."""
    beside = folder / f".{DIGESTS_FILE}.{os.getpid()}.tmp"
    beside.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(notes.items())), encoding="utf-8")
    beside.replace(folder / DIGESTS_FILE)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
