"""Settings of the page."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.runs.settings import PathsSettings


@dataclass
class LibraryPageSettings:
    """`thawline library page`.

    Attributes:
        dir: The library's directory, as `library train` wrote it.
        out: The page; null: `library.html` in that directory, where `library forget` finds it.
        file: Where the photos of people are named; null: the file that was learnt from.
        images: The folder that image paths start from; null: that of the file.
        table: Of a database: the table of entries.
        thumbnails: Whether the page holds small pictures of people; without them it names entries.
        most_people: How many people are shown, those with the most faces.
        paths: Where the library lies.
    """

    dir: str | None = None
    out: str | None = None
    file: str | None = None
    images: str | None = None
    table: str | None = None
    thumbnails: bool = True
    most_people: int = 40
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 <= self.most_people <= 1000:
            raise UserError(f"most_people={self.most_people} must be 1 to 1000")

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return Path(self.dir or Path(self.paths.outputs) / "library").expanduser()
