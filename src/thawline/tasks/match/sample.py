"""The sample collection of products and texts."""

from pathlib import Path

from thawline.samples.pairs import make_pairs
from thawline.samples.settings import SampleSettings
from thawline.tasks.capabilities import SampleCollection


def make(directory: Path, settings: SampleSettings) -> SampleCollection:
    """Draw products in `directory`, with a file of texts that are true of them or not.

    Raises:
        UserError: A setting is out of its range, or the directory is taken.
    """
    made = make_pairs(directory, pictures=settings.products, seed=settings.seed)
    return SampleCollection(
        f"{made.matches + made.mismatches} pairs",
        made.file,
        [f"{made.pictures} pictures, {made.matches} matches, {made.mismatches} mismatches"],
        ["task=match", "encoder=tiny_clip"],
        made.already_there,
    )
