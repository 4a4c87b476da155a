"""Where versions are kept, and when one may take another's place."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import MISSING

from thawline.errors import UserError

MARGIN = 0.02
SQLITE = "versions.sqlite3"


@dataclass
class VersionsSettings:
    """The registry.

    Attributes:
        dir: The folder of the versions.
        database: Where answers and versions are noted, a URL; null: a SQLite file in that folder.
        margin: By how much the accuracy of a version may be lower than the active one's for it to be activated; 0.02
            is 2 points.
    """

    dir: str = MISSING
    database: str | None = None
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 1:
            raise UserError(f"versions.margin={self.margin} is no share; give 0 to 1, such as 0.02 for 2 points")

    @property
    def root(self) -> Path:
        """The folder, absolute."""
        return Path(self.dir).expanduser().absolute()

    @property
    def url(self) -> str:
        """The database's."""
        return self.database or sqlite_url(self.root / SQLITE)


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, whatever its path has in it: in a URL `?` and `%` mean something else."""
    return "sqlite:///" + str(file).replace("%", "%25").replace("?", "%3F")
