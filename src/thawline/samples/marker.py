"""A sample's directory: written whole or taken up again, and never over anything that isn't the sample's."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from thawline.errors import UserError

MARKER = ".thawline-sample.json"
_UNFINISHED_MARKER = f"{MARKER}.new"


class Sample(Protocol):
    """What is written."""

    @property
    def about(self) -> str:
        """What the files are, in a sentence or two."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides them."""

    @property
    def broken(self) -> Mapping[str, str]:
        """Files that cannot be used, on purpose: name to kind."""

    def names(self) -> set[str]:
        """Names of all files."""

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of all files, one by one."""


def write_sample(directory: Path, sample: Sample) -> bool:
    """Write a sample, or find it there; a marker file is written first and completed last.

    Returns:
        Whether it was there already and nothing was written.

    Raises:
        UserError: `directory` holds something else, or cannot be written.
    """
    try:
        already_there = _check(directory, sample)
        if not already_there:
            _write(directory, sample)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the sample cannot be written to {directory}: {reason}; choose another directory") from error
    return already_there


def _check(directory: Path, sample: Sample) -> bool:
    """Whether the sample is there and whole; False when it can be written."""
    if not directory.exists():
        return False
    if not directory.is_dir():
        raise UserError(f"{directory} is a file: name a new or empty directory for the sample")
    present = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    if not present:
        return False
    marker = _read_marker(directory / MARKER)
    if marker is None:
        raise UserError(f"{directory} is not empty: name a new or empty directory for the sample")
    if marker["settings"] != sample.settings:
        made = ", ".join(f"{key}={value}" for key, value in marker["settings"].items())
        raise UserError(f"{directory} holds another sample ({made}): name a new or empty directory")
    strange = sorted(present - sample.names() - {MARKER, _UNFINISHED_MARKER})
    if strange:
        raise UserError(f"{directory} holds the sample and other files ({strange[0]}): name a new or empty directory")
    digests = marker["files"]
    if not digests:  # an earlier run was stopped before its end
        return False
    for name, digest in digests.items():
        if name not in present or _digest((directory / name).read_bytes()) != digest:
            raise UserError(f"the sample in {directory} was changed ({name}): name a new or empty directory")
    return True


def _read_marker(path: Path) -> dict[str, dict[str, str]] | None:
    try:
        marker = json.loads(path.read_bytes())
        return {"settings": dict(marker["settings"]), "files": dict(marker["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(directory: Path, sample: Sample) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    _write_marker(directory, sample, {})
    digests = {}
    for name, content in sample.files():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digests[name] = _digest(content)
    _write_marker(directory, sample, digests)


def _write_marker(directory: Path, sample: Sample, digests: dict[str, str]) -> None:
    """Say what the directory holds; no digests while it is being written."""
    marker = {
        "about": sample.about,
        "settings": sample.settings,
        "cannot be used": sorted(sample.broken),
        "files": digests,
    }
    beside = directory / _UNFINISHED_MARKER
    beside.write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    beside.replace(directory / MARKER)
