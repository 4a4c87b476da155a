"""Settings of a library's data, and what goes with them."""

from dataclasses import dataclass, replace
from typing import ClassVar

from thawline.data.datasets.settings import IMAGE, Fields
from thawline.data.settings import DataSettings
from thawline.errors import UserError
from thawline.tasks.library.entries.entry import FIELDS, ID, PATH, TAGS
from thawline.tasks.library.entries.settings import EntrySettings, check_entries, is_database
from thawline.tasks.settings import RunSettings


@dataclass
class LibrarySettings(DataSettings):
    """A library: a file of entries, each with its photo and its tags.

    Attributes:
        path: A JSON list or JSON lines, a CSV or a Parquet file.
        min_groups: Tags of fewer groups are not told.
        images: As `EntrySettings` has it, and so are the next three.
        limit: Read no more than so many entries.
        since: Read those of this day or moment on.
        tags: Read those with at least one of these.
    """

    fields: ClassVar[Fields] = Fields(
        IMAGE,
        PATH,
        {name: (name,) for name in FIELDS if name not in (PATH, TAGS)} | {TAGS: (TAGS, "tags")},
        needed=(TAGS,),
        numbered=ID,
    )

    min_groups: int = 8
    images: str | None = None
    limit: int | None = None
    since: str | None = None
    tags: list[str] | None = None

    def __post_init__(self) -> None:
        """Check the ranges, and that nothing is asked that only folders of classes have."""
        super().__post_init__()
        self._refuse_classes(", or name tags by data.tags")
        self.refuse_corrections("correct the tags where they are kept")
        check_entries(self.entries, "data.")

    @property
    def several_labels(self) -> bool:
        """A photo can have several tags."""
        return True

    @property
    def entries(self) -> EntrySettings:
        """Which entries are read."""
        return EntrySettings(self.images, None, self.limit, self.since, self.tags)

    def at(self, path: str) -> "LibrarySettings":
        """The same for other data at `path`, of which all entries are read."""
        return LibrarySettings(
            path=path,
            reader=self.reader,
            dataset=replace(self.dataset, splits=None),
            decode=self.decode,
            max_megapixels=self.max_megapixels,
            holdout=self.holdout,
            inner=self.inner,
            images=self.images,
        )


def check_run(run: RunSettings) -> None:
    """Can the library be trained on?

    Raises:
        UserError: It can't.
    """
    data = library_of(run.data)
    if is_database(data.path):
        raise UserError(
            "task=library trains on a file of entries; write the database's entries to one, such as library.parquet"
        )


def library_of(data: DataSettings) -> LibrarySettings:
    """`data`, which is a library."""
    if not isinstance(data, LibrarySettings):
        raise TypeError(f"the data of this task are LibrarySettings, not {type(data).__name__}")
    return data
