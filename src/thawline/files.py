"""Files that are complete or absent, never half written."""

import errno
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

_HALF_WRITTEN = re.compile(r"\.(?P<target>.+)\.(\d+)\.(tmp|old)")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, sync it and rename it to `path`, which is an ordinary file or none.

    The temporary file lies in the same folder, since a rename across filesystems is a copy that a kill tears. One that
    a killed process left of the same `path` is removed.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.ENODEV, "a device or a pipe is there", str(path))
    remove_leftovers(path.parent.glob(f".{glob.escape(path.name)}.*.tmp"))
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _refusals(path):
            write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_folder(path: Path, fill: Callable[[Path], object], *, many: bool = False) -> None:
    """Let `fill` fill a folder beside `path`, sync it and rename it to `path`, in place of a folder that was there.

    Whatever happens, `path` is the old folder, none, or the new one. What a kill left beside goes at the next call.

    Args:
        path: The folder.
        fill: Fills the one that is given to it.
        many: Whether files are expected by the thousand: what waits to be written is then synced at once, since a
            sync of each takes milliseconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent.glob(f".{glob.escape(path.name)}.*"))
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.mkdir()
    try:
        with _refusals(path):
            fill(beside)
        if many:
            os.sync()
        else:
            for file in beside.rglob("*"):
                _sync(file)
            _sync(beside)
        if path.exists():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            beside.rename(path)
            shutil.rmtree(old)
        else:
            beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _sync(path.parent)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """What the system refuses to a library that writes `path`, as the system says it itself, with the file's name.

    Some libraries have it in their error's text alone.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:  # without a number a library says it in words
            error.filename = str(path)
        raise
    except Exception as error:
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number), str(path)) from error
        raise


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove those of `paths` that a killed process left half written; what a living one is just writing stays."""
    for path in paths:
        half = _HALF_WRITTEN.fullmatch(path.name)
        if half is None or _is_alive(int(half[2])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def target_of(path: Path) -> Path:
    """What a file or folder that is being written beside its target will be; `path` itself where it is none such."""
    half = _HALF_WRITTEN.fullmatch(path.name)
    return path if half is None else path.with_name(half["target"])


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, complete or not at all."""
    write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON, complete or not at all. NaN and infinity are refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """What the JSON file at `path` holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def digest_of(path: Path) -> str:
    """sha256 of what the file at `path` holds, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def printable(text: str) -> str:
    """`text` with the bytes of a file's name that are no UTF-8 written out, so that any terminal and file takes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return process != os.getpid()  # this one writes nothing else while it asks
