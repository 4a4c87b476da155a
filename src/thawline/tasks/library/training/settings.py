"""Settings of a training on a library."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from thawline.runs.settings import PathsSettings
from thawline.tasks.library.entries.settings import EntrySettings, check_entries


@dataclass
class LibraryTrainSettings(EntrySettings):
    """`thawline library train FILE`.

    Attributes:
        file: The library: a JSON list or JSON lines, a CSV, a Parquet file, or the URL of a database.
        out: The directory for what is learnt; null: `library` below the folder of outputs.
        paths: Where that is.
    """

    file: str = MISSING
    out: str | None = None
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_entries(self)

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return Path(self.out).expanduser() if self.out else Path(self.paths.outputs) / "library"
