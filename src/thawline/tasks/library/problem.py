"""What fitting and judging ask of a library's tags."""

from dataclasses import dataclass

from thawline.tasks.library.tagged import TaggedEntries
from thawline.tasks.photos.tags import TaggedProblem


@dataclass(frozen=True)
class LibraryProblem(TaggedProblem):
    """A library's photos with their tags."""

    tagged: TaggedEntries
