"""Photos in classes, or with labels, as a problem: read, grouped, and brought to the thaw line with their prompts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection
from thawline.data.photos.photo import PhotoFacts
from thawline.tasks.classes import given_sides, number_classes
from thawline.tasks.photos.features import Collect, bring_photos, read_prompts
from thawline.tasks.photos.prompts import read_candidates
from thawline.tasks.photos.tagged import TaggedPhotos
from thawline.tasks.settings import RunSettings

# The prompts of each of the classes; None: they have none.
Texts = Callable[[Sequence[str]], Sequence[Sequence[str]] | None]

# Makes of the facts of the photos that were listed those with labels that are told.
Mark = Callable[[Mapping[str, PhotoFacts]], TaggedPhotos]


def read_photos(
    settings: RunSettings,
    listing: Listing,
    device: torch.device,
    classes: Sequence[str] | None,
    *,
    collect: Collect,
    texts: Texts,
) -> dict[str, Any]:
    """What the attributes of a `PhotosProblem` are.

    Args:
        settings: The run's settings.
        listing: The photos.
        device: What the frozen part is computed on.
        classes: The classes of a finished run, when other photos are judged by it; None: those of the collection.
        collect: Makes the collection of what reading the photos gave.
        texts: Gives the prompts of the classes.

    Raises:
        UserError: The photos, the encoder or the split can't be used.
    """
    brought = bring_photos(settings, listing, device)
    collection = collect(brought.found.facts)
    names, labels = number_classes(collection, classes)
    said = None if brought.towers is None else texts(names)
    prompts = None
    if brought.towers is not None and said is not None:
        file = settings.prompts.candidates
        candidates = None if file is None else read_candidates(Path(file), names)
        prompts = read_prompts(settings, brought.towers, said, device, candidates)
    plain, *augmented = brought.rows(collection.names)
    return {
        "settings": settings,
        "classes": names,
        "collection": collection,
        "labels": labels,
        "sides": given_sides(collection, settings.data.split),
        "encoder": brought.encoder,
        "cut": brought.cut,
        "rows": plain,
        "views": tuple(augmented),
        "towers": brought.towers,
        "prompts": prompts,
        "computed": brought.found.computed + (prompts.computed if prompts else 0),
        "read": brought.found.read + (prompts.read if prompts else 0),
    }


def read_labels(
    settings: RunSettings, listing: Listing, device: torch.device, classes: Sequence[str] | None, mark: Mark
) -> dict[str, Any]:
    """What the attributes of a `TaggedProblem` are; see `read_photos`."""
    marked = list[TaggedPhotos]()

    def collected(facts: Mapping[str, PhotoFacts]) -> Collection:
        marked.append(mark(facts))
        return marked[-1].collection

    read = read_photos(settings, listing, device, classes, collect=collected, texts=lambda _names: None)
    return {**read, "tagged": marked[-1]}
