"""The photos of a run, read, grouped and brought to the thaw line, with the prompts of their classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection, build_collection
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report
from thawline.errors import UserError
from thawline.tasks.capabilities import Filled
from thawline.tasks.events.listed import list_events
from thawline.tasks.photos.features import Collect, fill_photos
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.prompts import class_prompts
from thawline.tasks.photos.read import Mark, read_labels, read_photos
from thawline.tasks.photos.tagged import TaggedPhotos, mark_photos
from thawline.tasks.photos.tags import TaggedProblem
from thawline.tasks.settings import RunSettings


def read_events(settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None) -> PhotosProblem:
    """Read the photos of `settings.data`, group them, and bring photos and prompts to the thaw line.

    Args:
        settings: The run's settings.
        device: What the frozen part is computed on.
        classes: The classes of a finished run, when other photos are judged by it; None: those of the folder.

    Raises:
        UserError: The folder, the encoder or the split can't be used.
    """
    listing = list_events(settings.data)
    if settings.data.several_labels:
        return TaggedProblem(**read_labels(settings, listing, device, classes, _mark(listing, settings, classes)))
    collect, prompts = _collect(listing, settings), settings.prompts
    read = read_photos(
        settings, listing, device, classes, collect=collect, texts=lambda names: class_prompts(prompts, names)
    )
    return PhotosProblem(**read)


def fill_events(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the photos' features for `runs`; see `tasks.capabilities.TaskFiller`."""
    listing = list_events(runs[0].data)
    collect, mark = _collect(listing, runs[0]), _mark(listing, runs[0])

    def describe(facts: Mapping[str, PhotoFacts]) -> dict[str, Any]:
        return mark(facts).report() if runs[0].data.several_labels else data_report(collect(facts))

    return fill_photos(runs, listing, device, refusals, describe)


def _collect(listing: Listing, settings: RunSettings) -> Collect:
    def collect(facts: Mapping[str, PhotoFacts]) -> Collection:
        return build_collection(listing, facts, settings.data.min_groups)

    return collect


def _mark(listing: Listing, settings: RunSettings, known: Sequence[str] | None = None) -> Mark:
    data = settings.data

    def mark(facts: Mapping[str, PhotoFacts]) -> TaggedPhotos:
        return mark_photos(
            listing, facts, wanted=data.classes, known=known, min_groups=data.min_groups, folds=settings.cv
        )

    return mark
