"""Files as they were sent, put where a model can read them."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import uuid4

from thawline.tasks.bundle.serving import Sample

_PIECE = 2**18
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_LONGEST = 255  # characters of a name, as file systems have it


class Uploaded(Protocol):
    """What FastAPI's `UploadFile` has of use here."""

    @property
    def filename(self) -> str | None:
        """As it was sent."""

    @property
    def file(self) -> BinaryIO:
        """What was sent."""


@dataclass(frozen=True)
class Kept:
    """A file that was sent.

    Attributes:
        sample: It, and where it lies now.
        problem: Why it was not kept, one phrase; None if it was.
    """

    sample: Sample
    problem: str | None = None


def keep_all(files: Sequence[Uploaded], texts: Sequence[str | None], folder: Path) -> list[Kept]:
    """Put `files` into `folder` under names of our own; what each is called is only said."""
    return [_keep(file, text, folder) for file, text in zip(files, texts, strict=True)]


def drop_all(kept: Sequence[Kept]) -> None:
    """Remove them."""
    for one in kept:
        one.sample.path.unlink(missing_ok=True)


def _keep(file: Uploaded, text: str | None, folder: Path) -> Kept:
    name = file.filename or ""
    suffix = Path(name).suffix
    # Some readers of sound go by it.
    path = folder / f"{uuid4().hex}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
    if problem := _name_problem(name):
        return Kept(Sample(path, name[:_LONGEST], "", text), problem)
    with path.open("wb") as target:
        digest, size = _copy(file.file, target.write)
    sample = Sample(path, name, digest, text)
    return Kept(sample, None if size else "it is empty")


def _copy(source: BinaryIO, write: Callable[[bytes], object]) -> tuple[str, int]:
    """The digest and the number of bytes that were copied."""
    seen, size = hashlib.sha256(), 0
    source.seek(0)
    while piece := source.read(_PIECE):
        seen.update(piece)
        write(piece)
        size += len(piece)
    return seen.hexdigest(), size


def _name_problem(name: str) -> str | None:
    if "/" in name or "\\" in name or name in (".", ".."):
        return "its name holds a path; send the file's own name"
    if not name.isprintable():
        return "its name holds characters that can't be printed"
    if len(name) > _LONGEST:
        return f"its name is longer than {_LONGEST} characters"
    return None
