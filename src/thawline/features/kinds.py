"""What is known of files: the kinds of files that there are. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from thawline.data.photos.photo import FACTS_VERSION, PhotoFacts
from thawline.files import JSON


class Facts(Protocol):
    """What follows from a file's bytes alone."""

    @property
    def digest(self) -> str:
        """sha256 of the bytes, hex; "" if they were not hashed, and then nothing may be remembered.

        So it is where the machine was at fault, or where the file's size or header rule it out.
        """

    @property
    def problem(self) -> str | None:
        """Why the file can't be used, one phrase; None if it can."""

    def to_json(self) -> dict[str, JSON]:
        """As a plain dict."""


F = TypeVar("F", bound=Facts)


class File(Protocol):
    """A file of a collection."""

    @property
    def path(self) -> Path:
        """Where it is, absolute."""

    @property
    def name(self) -> str:
        """What reports call it."""


@dataclass(frozen=True)
class Kind(Generic[F]):
    """What is known of files of one kind.

    Attributes:
        index: The file in the store's folder that keeps it.
        version: What facts depend on besides the bytes.
        from_json: The inverse of the facts' `to_json`.
    """

    index: str
    version: str
    from_json: Callable[[Mapping[str, Any]], F]


PHOTOS = Kind("files.sqlite", FACTS_VERSION, PhotoFacts.from_json)
