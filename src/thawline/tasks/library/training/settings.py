"""Settings of a training on a library."""

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from thawline.runs.settings import PathsSettings
from thawline.tasks.library.entries.settings import EntrySettings, check_entries
from thawline.tasks.library.people.settings import PeopleSettings, check_people


@dataclass
class LibraryTrainSettings(EntrySettings):
    """`thawline library train FILE`.

    Attributes:
        file: The library: a JSON list or JSON lines, a CSV, a Parquet file, or the URL of a database.
        out: The directory for what is learnt; null: `library` below the folder of outputs.
        people: How faces become people.
        paths: Where that is.
    """

    file: str = MISSING
    out: str | None = None
    people: PeopleSettings = field(default_factory=PeopleSettings)
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_entries(self)
        check_people(self.people, "people.")

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return Path(self.out).expanduser() if self.out else Path(self.paths.outputs) / "library"
