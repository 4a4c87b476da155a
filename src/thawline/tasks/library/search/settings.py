"""Settings of what is learnt for search, and of the verb."""

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.tasks.library.entries.settings import EntrySettings, check_entries
from thawline.tasks.library.search.wording.stems import check_language

OUTPUTS = (".jsonl", ".csv")


@dataclass
class SearchSettings:
    """How a library is made ready to be searched.

    Attributes:
        language: Whose rules cut words to stems, `english` say; `none`; `auto` goes by the function words.
        sentences: A sentence encoder of sentence-transformers, a directory or a Hub id; null: search is by words alone.
        fetch: Whether the sentence encoder may be brought from the Hub.
        clip: A CLIP, a directory or a Hub id, by which photos themselves are searched; null: they are not looked at.
    """

    language: str = "auto"
    sentences: str | None = None
    fetch: bool = False
    clip: str | None = None


def check_search(settings: SearchSettings, prefix: str = "") -> None:
    """Are the settings within their ranges?

    Args:
        settings: What was given.
        prefix: What stands before their names on the command line.

    Raises:
        UserError: One is not.
    """
    check_language(settings.language, f"{prefix}language")


@dataclass
class LibrarySearchSettings:
    """`thawline library search DIR WORDS`.

    Attributes:
        dir: The library's directory, as `library train` wrote it.
        words: What is searched for.
        count: Entries that are shown at most.
        out: A file for them, `.jsonl` or `.csv`; null: the screen alone.
        tags: Find only entries with one of these; null: all.
        since: Find only entries of this day or moment on; null: all.
        sentences: Where the sentence encoder lies now that the library was learnt with; null: where it lay then.
    """

    dir: str = MISSING
    words: list[str] = field(default_factory=list)
    count: int = 10
    out: str | None = None
    tags: list[str] | None = None
    since: str | None = None
    sentences: str | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_entries(self.entries)
        if not 1 <= self.count <= 10_000:
            raise UserError(f"count={self.count} must be 1 to 10000")
        if self.out is not None and (Path(self.out).suffix.lower() not in OUTPUTS or Path(self.out).is_dir()):
            raise UserError(f"out={self.out} must be a file whose name ends in {' or '.join(OUTPUTS)}")

    @property
    def entries(self) -> EntrySettings:
        """Which entries may be found."""
        return EntrySettings(since=self.since, tags=self.tags)
