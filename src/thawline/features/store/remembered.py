"""What took long to find and can be found again: small facts in the store's folder, one file for each name."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path

from thawline.features.store.disk import is_read_only
from thawline.files import JSON, read_json, write_text

FOLDER = "remembered"


def recall(root: Path, name: JSON, state: JSON = None) -> JSON:
    """What was remembered under `name`; None if nothing was, or of another `state`, or if the file is damaged.

    Args:
        root: The store's folder.
        name: What it is about.
        state: What it holds for, such as files as they are now.
    """
    path = _path(root, name)
    with suppress(OSError, ValueError, RecursionError):
        found: JSON = read_json(path)
        if isinstance(found, dict) and found == _sealed(name, state, found.get("value")):
            return found["value"]
    return None


def remember(root: Path, name: JSON, value: JSON, state: JSON = None) -> None:
    """Keep `value` under `name`, in place of what was; where the store can't be written, nothing is kept."""
    if is_read_only(root.expanduser()):
        return
    path = _path(root, name)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(_sealed(name, state, value)))


def forget(root: Path) -> None:
    """Remove all that was remembered; whoever needs some of it finds it again."""
    shutil.rmtree(root.expanduser() / FOLDER, ignore_errors=True)


def _sealed(name: JSON, state: JSON, value: JSON) -> dict[str, JSON]:
    text = _text([name, state, value])
    return {"state": state, "value": value, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _path(root: Path, name: JSON) -> Path:
    return root.expanduser() / FOLDER / f"{hashlib.sha256(_text(name).encode()).hexdigest()}.json"


def _text(value: JSON) -> str:
    return json.dumps(value, sort_keys=True)
