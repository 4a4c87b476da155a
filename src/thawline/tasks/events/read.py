"""The photos of a run, read, grouped and brought to the thaw line, with the prompts of their classes."""

from collections.abc import Sequence

import torch

from thawline.data.photos.collection import build_collection
from thawline.tasks.classes import given_sides, number_classes
from thawline.tasks.events.features import load_towers, read_prompts
from thawline.tasks.events.listed import list_events
from thawline.tasks.events.problem import EventsProblem
from thawline.tasks.photos import survey_photos
from thawline.tasks.settings import RunSettings


def read_events(settings: RunSettings, device: torch.device, classes: Sequence[str] | None = None) -> EventsProblem:
    """Read the photos of `settings.data`, group them, and bring photos and prompts to the thaw line.

    Args:
        settings: The run's settings.
        device: What the frozen part is computed on.
        classes: The classes of a finished run, when other photos are judged by it; None: those of the folder.

    Raises:
        UserError: The folder, the encoder or the split can't be used.
    """
    listing = list_events(settings.data)
    encoder, towers = load_towers(settings)
    cut = encoder.cut_for(settings.cut)
    found, wanted = survey_photos(listing.photos, [settings], encoder, device)
    collection = build_collection(listing, found.facts, settings.data.min_groups)
    names, labels = number_classes(collection, classes)
    prompts = None if towers is None else read_prompts(settings, towers, names, device)
    plain, *augmented = (found.rows(collection.names, target) for target in wanted.targets)
    return EventsProblem(
        settings=settings,
        classes=names,
        collection=collection,
        labels=labels,
        sides=given_sides(collection, settings.data.split),
        encoder=encoder,
        cut=cut,
        rows=plain,
        views=tuple(augmented),
        towers=towers,
        prompts=prompts,
        computed=found.computed + (prompts.computed if prompts else 0),
        read=found.read + (prompts.read if prompts else 0),
    )
