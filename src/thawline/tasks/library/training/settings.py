"""Settings of a training on a library."""

from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from thawline.features.settings import StoreSettings
from thawline.runs.settings import PathsSettings
from thawline.tasks.library.entries.settings import EntrySettings, check_entries
from thawline.tasks.library.faces.settings import FacesSettings, check_faces
from thawline.tasks.library.people.settings import PeopleSettings, check_people
from thawline.tasks.library.search.settings import SearchSettings, check_search


@dataclass
class LibraryTrainSettings(EntrySettings):
    """`thawline library train FILE`.

    Attributes:
        file: The library: a JSON list or JSON lines, a CSV, a Parquet file, or the URL of a database.
        out: The directory for what is learnt; null: `library` below the folder of outputs.
        people: How faces become people.
        faces: How faces are found in photos.
        store: The feature store.
        search: How it is made ready to be searched.
        tagger: A run of `thawline train FILE task=library`, whose model then suggests tags by photos, too; null: none
            does.
        paths: Where that is.
    """

    file: str = MISSING
    out: str | None = None
    people: PeopleSettings = field(default_factory=PeopleSettings)
    faces: FacesSettings = field(default_factory=FacesSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    tagger: str | None = None
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_entries(self)
        check_people(self.people, "people.")
        check_faces(self.faces)
        check_search(self.search, "search.")

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return Path(self.out).expanduser() if self.out else Path(self.paths.outputs) / "library"
