"""The sample collection of one person's taste."""

from pathlib import Path

from thawline.samples.preference import make_preference
from thawline.samples.settings import SampleSettings
from thawline.tasks.capabilities import SampleCollection


def make(directory: Path, settings: SampleSettings) -> SampleCollection:
    """Draw photos in `directory`, with a file of answers to some of them.

    Raises:
        UserError: A setting is out of its range, or the directory is taken.
    """
    made = make_preference(directory, items=settings.items, seed=settings.seed)
    return SampleCollection(
        f"{made.answered} answers",
        made.file,
        [
            f"{made.items} photos of two hidden tastes, of one that is noise, and of what is disliked; {made.answered} "
            f"are answered, a tenth wrongly, and {made.truth.name} says what each would get"
        ],
        ["task=preference", "encoder=tiny_clip"],
        made.already_there,
    )
