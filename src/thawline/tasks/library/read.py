"""The tagged photos of a run, read, grouped and brought to the thaw line."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.tasks.capabilities import Filled
from thawline.tasks.library.problem import LibraryProblem
from thawline.tasks.library.settings import library_of
from thawline.tasks.library.tagged import TaggedEntries, mark, read_library
from thawline.tasks.photos.features import fill_photos
from thawline.tasks.photos.read import read_labels
from thawline.tasks.settings import RunSettings


def read_tagged(settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None) -> LibraryProblem:
    """Read the entries of `settings.data` and their photos, group these, and bring them to the thaw line.

    Args:
        settings: The run's settings.
        device: What the frozen part is computed on.
        classes: The tags of a finished run, when other photos are judged by it; None: those on enough groups.

    Raises:
        UserError: The file, the photos, the encoder or the split can't be used.
    """
    library = read_library(library_of(settings.data))

    def marked(facts: Mapping[str, PhotoFacts]) -> TaggedEntries:
        return mark(library, facts, known=classes, folds=settings.cv)

    return LibraryProblem(**read_labels(settings, library.listing, device, classes, marked))


def fill_tagged(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the photos' features for `runs`; see `tasks.capabilities.TaskFiller`."""
    library = read_library(library_of(runs[0].data))

    def describe(facts: Mapping[str, PhotoFacts]) -> dict[str, Any]:
        return mark(library, facts, folds=runs[0].cv).report()

    return fill_photos(runs, library.listing, device, refusals, describe)
