"""The sample collection of event photos."""

from pathlib import Path

from thawline.errors import UserError
from thawline.samples.settings import SampleSettings
from thawline.tasks.capabilities import SampleCollection


def make(directory: Path, settings: SampleSettings) -> SampleCollection:
    """Draw photos of six classes in `directory`, a folder each.

    Raises:
        UserError: A setting is out of its range, or the directory is taken.
    """
    if settings.photos_per_class < 1:
        raise UserError(f"photos_per_class={settings.photos_per_class} must be at least 1")
    from thawline.samples.events import make_events  # late: a setting is refused before it is imported

    made = make_events(directory, photos_per_class=settings.photos_per_class, seed=settings.seed)
    return SampleCollection(
        f"{made.photos} photos of {len(made.classes)} classes",
        directory,
        [
            f"classes: {', '.join(made.classes)}",
            f"as in real collections there are {made.bursts} bursts, {made.shoot_folders} folders of one shoot, "
            f"{made.copies} copies, and {len(made.left_out)} files that can't be used",
        ],
        ["encoder=tiny_clip"],
        made.already_there,
    )
