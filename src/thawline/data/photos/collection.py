"""A collection: the usable photos of a folder with their labels and groups, and what was left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from thawline.data.groups import Grouping, scarce_classes
from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.corrected import Corrected
from thawline.data.photos.groups import find_groups
from thawline.data.photos.people import People
from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError


@dataclass(frozen=True, eq=False)
class Collection:
    """N usable photos, in the order of their names.

    Attributes:
        root: the folder.
        classes: the C classes that have usable photos, sorted.
        photos: N.
        facts: N, none with a problem.
        labels: int64 [N], indices into `classes`.
        grouping: who must stay together.
        left_out: what is not used, sorted by name.
        layout: what the folders were taken for, a sentence; "" of a table.
        corrected: what a table of corrections did to the folders' labels; None: none was given.
        people: which photos show people, those that are left out for it among them; None: nobody looked.
    """

    root: Path
    classes: tuple[str, ...]
    photos: tuple[Listed, ...]
    facts: tuple[PhotoFacts, ...]
    labels: npt.NDArray[np.int64]
    grouping: Grouping
    left_out: tuple[LeftOut, ...]
    layout: str = ""
    corrected: Corrected | None = None
    people: People | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """[N] names relative to the root."""
        return tuple(photo.name for photo in self.photos)

    @property
    def sides(self) -> npt.NDArray[np.str_] | None:
        """[N] "train", "val" or "test" if the folder came split, else None."""
        sides = [photo.side for photo in self.photos if photo.side is not None]
        return np.array(sides) if sides else None


def build_collection(
    listing: Listing,
    facts: Mapping[str, PhotoFacts],
    min_groups: int = 1,
    told: Mapping[str, str] | None = None,
) -> Collection:
    """Join a listing with what reading the files gave.

    Args:
        listing: the folder.
        facts: of every listed photo, by `Listed.name`.
        min_groups: classes of fewer groups are left out.
        told: groups that photos were said to belong to, by `Listed.name`; None: nothing was said of any.

    Raises:
        UserError: no usable photo, or fewer than two classes with usable photos.
    """
    photos = [photo for photo in listing.photos if facts[photo.name].problem is None]
    broken = [LeftOut(photo.name, reason) for photo in listing.photos if (reason := facts[photo.name].problem)]
    if not photos:
        raise UserError(f"none of the {len(broken)} photos in {listing.root} can be used; {_first(broken)}")
    classes = sorted({photo.label for photo in photos})
    if len(classes) < 2:
        emptied = f" ({_first(broken)})" if broken else ""
        raise UserError(
            f"{listing.root} has usable photos of one class only, {classes[0]!r}{emptied}; "
            "at least two classes are needed, each in a folder of its own"
        )
    usable = [facts[photo.name] for photo in photos]
    grouping = find_groups(photos, usable, None if told is None else [told.get(photo.name) for photo in photos])
    scarce = scarce_classes([photo.label for photo in photos], grouping, min_groups)
    if scarce:
        kept = tuple(photo for photo in listing.photos if photo.label not in scarce)
        left_out = tuple(LeftOut(f"{name}/", reason) for name, reason in scarce.items())
        if not kept:
            raise UserError(f"every class in {listing.root} has fewer than data.min_groups={min_groups} groups")
        listing = replace(listing, photos=kept, left_out=listing.left_out + left_out)
        return build_collection(listing, facts, min_groups, told)
    return Collection(
        root=listing.root,
        classes=tuple(classes),
        photos=tuple(photos),
        facts=tuple(usable),
        labels=np.array([classes.index(photo.label) for photo in photos], dtype=np.int64),
        grouping=grouping,
        left_out=tuple(sorted([*listing.left_out, *broken], key=lambda left: left.name)),
        layout=listing.layout,
        corrected=listing.corrected,
    )


def _first(broken: list[LeftOut]) -> str:
    return f"{broken[0].name}: {broken[0].reason}"
