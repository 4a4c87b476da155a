"""Settings of the verbs that put to use what a library taught, and that correct it."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.runs.settings import PathsSettings
from thawline.tasks.library.entries.settings import EntrySettings, check_entries


@dataclass
class LibraryEnhanceSettings(EntrySettings):
    """`thawline library enhance|advice`.

    Attributes:
        dir: The library's directory, as `library train` wrote it.
        file: Entries, as `library train` reads them; `advice`: null is the file that was learnt from.
        out: `enhance`: the JSON file for what is said of them.
        paths: Where the library lies.
    """

    dir: str | None = None
    file: str | None = None
    out: str = "enhanced.json"
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_entries(self)

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return Path(self.dir or Path(self.paths.outputs) / "library").expanduser()


@dataclass
class LibraryCorrectSettings:
    """`thawline library correct`.

    Attributes:
        dir: The library's directory.
        id: Which entry is corrected; null: those of `file`.
        tags: All its tags; null: nothing is said of them.
        description: Its description; null: nothing is said of it.
        undo: Whether what was said of it is taken back.
        file: A CSV with the columns `id`, and `tags` or `description` or both.
    """

    dir: str = MISSING
    id: str | None = None
    tags: list[str] | None = None
    description: str | None = None
    undo: bool = False
    file: str | None = None

    def __post_init__(self) -> None:
        """Check that one thing is said.

        Raises:
            UserError: None is, or several that contradict each other.
        """
        said = self.tags is not None or self.description is not None
        if (self.id is None) == (self.file is None):
            raise UserError("name one entry by its ID, or many by file=corrections.csv")
        if self.file is not None and (said or self.undo):
            raise UserError("tags=, description= and undo= are of one entry; leave them out beside file=")
        if self.id is not None and said == self.undo:
            raise UserError('say tags=[…] or description="…" or both, or undo=true alone to take back what was said')
