"""Photos with people and those without: told apart by a detector before anything else looks at them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from thawline.data.listing import LeftOut, Listing
from thawline.data.photos.people import People, check_left
from thawline.tasks.settings import CheckSettings, RunSettings

if TYPE_CHECKING:
    import torch


def find_peopled(
    listing: Listing, settings: RunSettings | CheckSettings, device: torch.device | None = None
) -> tuple[Listing, People | None]:
    """The photos of `listing` that are used, and which of all show people; None where nobody looks.

    Photos that can't be used stay in the listing: whoever reads them says why.

    Args:
        listing: The photos.
        settings: Who looks, and what becomes of photos without people.
        device: What a detector may compute on; None: a GPU where there is one.

    Raises:
        UserError: The detector can't be used, or what is left has no two classes.
    """
    wanted = settings.people
    if wanted.mode is None or not listing.photos:
        return listing, None
    from thawline.encoders.device import find_device  # late: most runs don't look, and a check needs no PyTorch
    from thawline.features.detection.stored import look_for_people

    device = device or find_device("auto")
    found = look_for_people(listing.photos, settings.store.root, wanted, settings.data.max_megapixels, device)
    labels = {photo.name: photo.label for photo in listing.photos if photo.name in found.confidences}
    people = People(wanted.mode == "require", str(wanted.detector), wanted.min_confidence, found.confidences, labels)
    left_out = [LeftOut(name, reason) for name, reason in found.problems.items()]
    if people.required:
        left_out += people.without()
    gone = {left.name for left in left_out}
    kept = tuple(photo for photo in listing.photos if photo.name not in gone)
    check_left(kept, people, least=2 if settings.data.labels == "one" else 1)
    left_out = sorted([*listing.left_out, *left_out], key=lambda left: left.name)
    return replace(listing, photos=kept, left_out=tuple(left_out)), people
