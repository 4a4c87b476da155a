"""The files of a run directory, read by another run than the one that wrote them: damage is one sentence."""

import csv
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Never

import yaml
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError

from thawline.errors import UserError
from thawline.runs.digests import DIGESTS_FILE, is_changed


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within, the content of the file `path` is read. What the system refuses is the system's to say.

    Raises:
        UserError: The file holds something else than a run writes there.
    """
    if path.is_dir():  # libraries have other words for it
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and is_changed(path):
        raise damaged(path, f"it is not what the run wrote, by {DIGESTS_FILE} beside it")
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # a library says so of content that it can't read
            raise
        raise damaged(path, _reason(error)) from error
    except (
        *(ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, EOFError),
        *(csv.Error, yaml.YAMLError, OmegaConfBaseException, SafetensorError),
    ) as error:
        raise damaged(path, _reason(error)) from error


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """What the JSON file `path` of a run holds. A key that is looked up in vain, at any depth, is the file's damage.

    Args:
        path: The file.
        keys: What it must hold.

    Raises:
        UserError: It holds something else than a run writes there.
    """
    with reading(path):
        found = json.loads(path.read_text(encoding="utf-8"), object_hook=lambda value: _Record(path, value))
        if not isinstance(found, _Record):
            raise ValueError("it holds no record")
        for key in keys:
            found[key]
    return found


def damaged(path: Path, reason: str) -> UserError:
    """The sentence for a file of a run that is not what the run wrote."""
    return UserError(f"{path} is damaged ({reason}); restore it from a copy, or run it again")


class _Record(dict[str, Any]):
    """What a file says, which knows its file."""

    def __init__(self, path: Path, value: dict[str, Any]) -> None:
        super().__init__(value)
        self._path = path

    def __missing__(self, key: str) -> Never:
        raise damaged(self._path, f"it lacks '{key}'")


def _reason(error: Exception) -> str:
    """What a library says of it, its first line."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
