"""The sample collection of a photo library."""

from pathlib import Path

from thawline.samples.library import make_library
from thawline.samples.settings import SampleSettings
from thawline.tasks.capabilities import SampleCollection


def make(directory: Path, settings: SampleSettings) -> SampleCollection:
    """Draw photos in `directory`, with a file of entries on them.

    Raises:
        UserError: A setting is out of its range, or the directory is taken.
    """
    made = make_library(directory, items=settings.items, seed=settings.seed)
    growth = " and ".join(path.name for path in made.growth)
    return SampleCollection(
        f"{made.entries} entries",
        made.file,
        [
            f"photos with captions and tags, and {made.faces} faces of {made.people} people, twins among them; "
            f"{made.truth.name} says who is who, and {growth} are the library at earlier dates"
        ],
        ["task=library", "encoder=tiny_clip"],
        made.already_there,
    )
