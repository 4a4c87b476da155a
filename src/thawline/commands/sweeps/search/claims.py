"""Who does what, where several processes work on one sweep: locks in its directory, which end with their process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from thawline.runs.directory import CLAIMS_FOLDER

_held: dict[Path, filelock.BaseFileLock] = {}  # of the trials that this process has taken on


@contextmanager
def owning(sweep: Path) -> Iterator[bool]:
    """Whether this process is the one that ends the sweep, until it leaves the block; others help it."""
    lock = lock_of(sweep, "sweep")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def lock_of(sweep: Path, name: str) -> filelock.BaseFileLock:
    """The lock of what is called `name` in the sweep."""
    folder = sweep / CLAIMS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(_file(sweep, name))


def take(sweep: Path, number: int) -> bool:
    """Take the trial in directory `number` on, unless another process has."""
    path = _file(sweep, number)
    if path not in _held:
        lock = lock_of(sweep, str(number))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        _held[path] = lock
    return True


def drop(sweep: Path, number: int) -> None:
    """The trial in directory `number` has ended, and the study knows."""
    path = _file(sweep, number)
    path.unlink(missing_ok=True)
    _held.pop(path).release()


def drop_all() -> None:
    """Leave what was taken on to others."""
    while _held:
        _, lock = _held.popitem()
        lock.release()


def taken_by_others(sweep: Path, number: int) -> bool:
    """Whether another process has taken on the trial in directory `number`."""
    path = _file(sweep, number)
    if path in _held or not path.exists():
        return False
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False


def _file(sweep: Path, name: int | str) -> Path:
    return sweep.absolute() / CLAIMS_FOLDER / f"{name}.lock"
