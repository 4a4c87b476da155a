"""The photos of a run, read, grouped and brought to the thaw line, with the prompts of their classes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection, build_collection
from thawline.data.photos.people import People
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report
from thawline.errors import UserError
from thawline.fitting.settings import SCORES
from thawline.tasks.capabilities import Filled
from thawline.tasks.events.listed import list_events
from thawline.tasks.photos.features import Collect, fill_photos
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.photos.problem import PhotosProblem
from thawline.tasks.photos.prompts import class_prompts
from thawline.tasks.photos.read import Mark, read_labels, read_photos
from thawline.tasks.photos.scores import fill_scored, read_scored
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
    if settings.target == SCORES:
        return read_scored(settings, device)
    listing = list_events(settings.data, new=classes is not None)
    listing, people = find_peopled(listing, settings, device)
    if settings.data.several_labels:
        mark = _mark(listing, people, settings, classes)
        return TaggedProblem(**read_labels(settings, listing, device, classes, mark))
    collect, prompts = _collect(listing, people, settings), settings.prompts
    read = read_photos(
        settings, listing, device, classes, collect=collect, texts=lambda names: class_prompts(prompts, names)
    )
    return PhotosProblem(**read)


def fill_events(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the photos' features for `runs`; see `tasks.capabilities.TaskFiller`."""
    if runs[0].target == SCORES:
        return fill_scored(runs, device, refusals)
    listing, people = find_peopled(list_events(runs[0].data), runs[0], device)
    collect, mark = _collect(listing, people, runs[0]), _mark(listing, people, runs[0])

    def describe(facts: Mapping[str, PhotoFacts]) -> dict[str, Any]:
        return mark(facts).report() if runs[0].data.several_labels else data_report(collect(facts))

    return fill_photos(runs, listing, device, refusals, describe)


def _collect(listing: Listing, people: People | None, settings: RunSettings) -> Collect:
    def collect(facts: Mapping[str, PhotoFacts]) -> Collection:
        return replace(build_collection(listing, facts, settings.data.min_groups), people=people)

    return collect


def _mark(listing: Listing, people: People | None, settings: RunSettings, known: Sequence[str] | None = None) -> Mark:
    data = settings.data

    def mark(facts: Mapping[str, PhotoFacts]) -> TaggedPhotos:
        marked = mark_photos(
            listing, facts, wanted=data.classes, known=known, min_groups=data.min_groups, folds=settings.cv
        )
        return marked.with_people(people)

    return mark
