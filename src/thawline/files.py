"""Files that are complete or absent, never half written."""

import glob
import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, sync it and rename it to `path`.

    The temporary file lies in the same folder, since a rename across filesystems is a copy that a kill tears.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` fill a folder beside `path`, sync it and rename it to `path`, in place of a folder that was there.

    Whatever happens, `path` is the old folder, none, or the new one. What a kill left beside goes at the next call.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.mkdir()
    try:
        fill(beside)
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


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, complete or not at all."""
    write_atomically(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON, complete or not at all. NaN and infinity are refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """What the JSON file at `path` holds."""
    return json.loads(path.read_text(encoding="utf-8"))


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


def _remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside the folder `path`."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        named = re.fullmatch(r"\.(\d+)\.(tmp|old)", left.name.removeprefix(f".{path.name}"))
        if named and not _runs(int(named[1])):
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether another process of that number runs."""
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return process != os.getpid()
