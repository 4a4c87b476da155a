"""Settings of what is read of a library."""

from dataclasses import dataclass
from datetime import UTC, datetime

from thawline.errors import UserError
from thawline.tasks.library.entries.times import parse_time


@dataclass
class EntrySettings:
    """Which entries of a library are read, and where their photos are.

    Attributes:
        images: The folder that image paths start from; null: that of the library's file.
        table: Of a database: the table of entries; null: the only one that has their columns.
        limit: Read no more than so many; null: all.
        since: Read those of this day or moment on (2026-11-29, 2026-11-29T14:30:00Z; UTC where no zone is named), and
            none without a time; null: all.
        tags: Read those with at least one of these; null: all.
    """

    images: str | None = None
    table: str | None = None
    limit: int | None = None
    since: str | None = None
    tags: list[str] | None = None


def is_database(source: str) -> bool:
    """Whether `source` is the URL of a database, and no file."""
    return "://" in source


def check_entries(settings: EntrySettings, prefix: str = "") -> None:
    """Are the settings within their ranges?

    Args:
        settings: What was given.
        prefix: What stands before their names on the command line.

    Raises:
        UserError: One is not.
    """
    if settings.limit is not None and settings.limit < 1:
        raise UserError(f"{prefix}limit={settings.limit} must be at least 1; leave it out to read all entries")
    since_of(settings, prefix)
    if settings.tags is not None and not [tag for tag in settings.tags if tag.strip()]:
        raise UserError(f"{prefix}tags names none; write {prefix}tags=[beach,dog], or leave it out to read all entries")


def since_of(settings: EntrySettings, prefix: str = "") -> datetime | None:
    """The moment from which on entries are read, in UTC; None: all are.

    Raises:
        UserError: What was given is none.
    """
    if settings.since is None:
        return None
    at = parse_time(settings.since)
    if at is None:
        raise UserError(
            f"{prefix}since={settings.since} is no time; write a day as 2026-11-29, or a moment as 2026-11-29T14:30:00Z"
        )
    return at.astimezone(UTC)
