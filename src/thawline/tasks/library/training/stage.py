"""What a stage of a training is given, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from thawline.features.settings import StoreSettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.faces.settings import FacesSettings
from thawline.tasks.library.people.settings import PeopleSettings
from thawline.tasks.library.search.settings import SearchSettings
from thawline.tasks.library.training.gathered import Gathered


@dataclass(frozen=True)
class Work:
    """What a stage is given.

    Attributes:
        library: All entries that were read.
        folder: The library's directory: what was learnt before is there, and what is learnt goes there.
        people: How faces become people.
        faces: How faces are found in photos.
        store: Where the features of photos are kept.
        skipped: What can't be used; a stage adds to it.
        search: How it is made ready to be searched.
        tagger: A run on the tags of its photos; None: there is none.
    """

    library: Gathered
    folder: Path
    people: PeopleSettings = field(default_factory=PeopleSettings)
    faces: FacesSettings = field(default_factory=FacesSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    skipped: Skipped = field(default_factory=Skipped)
    search: SearchSettings = field(default_factory=SearchSettings)
    tagger: Path | None = None


@dataclass(frozen=True)
class Learnt:
    """What a stage says of itself.

    Attributes:
        sentence: For the screen and the log: what it did, and what it took over; "": it was not asked to.
        entries: How many entries were new, changed, gone and kept.
        figures: For the report: sizes and measured quality.
        notes: Further sentences.
        library: With what was found, for the stages that follow; None: as it was.
    """

    sentence: str
    entries: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    library: Gathered | None = None


class Learn(Protocol):
    """The function of a stage."""

    def __call__(self, work: Work) -> Learnt:
        """Learn from `work.library`, and write into `work.folder` files that are complete or absent.

        What did not change since the training before is taken over from there.
        """
