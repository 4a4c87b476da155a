"""The answered photos of a run, read, grouped and brought to the thaw line, with what is liked in words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from thawline.data.photos.collection import Collection
from thawline.data.photos.people import People
from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.tasks.capabilities import Filled
from thawline.tasks.photos.features import fill_photos
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.photos.read import read_photos
from thawline.tasks.preference.problem import PreferenceProblem
from thawline.tasks.preference.report import feedback_report
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.preference.table import Feedback, collect, read_feedback
from thawline.tasks.preference.texts import taste_prompts
from thawline.tasks.settings import RunSettings


def read_preference(
    settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None
) -> PreferenceProblem:
    """Read the answers of `settings.data` and their photos, group these, and bring them to the thaw line.

    Args:
        settings: The run's settings.
        device: What the frozen part is computed on.
        classes: The classes of a finished run, when other answers are judged by it; they are always the same.

    Raises:
        UserError: The file, the photos, the encoder or the split can't be used.
    """
    data = feedback_of(settings.data)
    given, people = _read(settings, device)
    usable = list[Feedback]()

    def collected(facts: Mapping[str, PhotoFacts]) -> Collection:
        collection, feedback = collect(given, facts, data)
        usable.append(feedback)
        return replace(collection, people=people)

    def texts(names: Sequence[str]) -> list[list[str]] | None:
        return taste_prompts(data, settings.prompts, names)

    read = read_photos(settings, given.listing, device, classes, collect=collected, texts=texts)
    return PreferenceProblem(**read, feedback=usable[-1])


def fill_preference(runs: Sequence[RunSettings], device: torch.device, refusals: list[UserError]) -> Filled | None:
    """Compute what is missing of the photos' features for `runs`; see `tasks.capabilities.TaskFiller`."""
    data = feedback_of(runs[0].data)
    given, people = _read(runs[0], device)

    def describe(facts: Mapping[str, PhotoFacts]) -> dict[str, Any]:
        collection, feedback = collect(given, facts, data)
        return feedback_report(replace(collection, people=people), feedback)

    return fill_photos(runs, given.listing, device, refusals, describe)


def _read(settings: RunSettings, device: torch.device) -> tuple[Feedback, People | None]:
    """The answers that are used, and which of the photos show people."""
    given = read_feedback(feedback_of(settings.data))
    listing, people = find_peopled(given.listing, settings, device)
    return given.only(listing), people
