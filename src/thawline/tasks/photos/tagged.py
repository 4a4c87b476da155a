"""Photos that can have several labels: which photo has which of those that are told, and what the split goes by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.data.class_report import FEW_GROUPS
from thawline.data.groups import components, links_of_equals
from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import find_groups
from thawline.data.photos.people import People
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report
from thawline.errors import UserError
from thawline.tasks.tags.told import Told, choose_labels, choose_strata, count_groups

NOT_TOLD = "none of its labels is told"
COPY = "the same photo as another one, which has its labels too"


@dataclass(frozen=True, eq=False)
class TaggedPhotos(Told):
    """The photos that have one of the labels that are told.

    Attributes:
        collection: The photos; each one's label is that by which it is dealt out in a split.
    """

    collection: Collection

    def with_people(self, people: People | None) -> "TaggedPhotos":
        """The same, with which photos show people."""
        return replace(self, collection=replace(self.collection, people=people))

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON; photos are counted under each of their labels."""
        by_label = dict(zip(self.names, self.true.T, strict=True))
        report: dict[str, Any] = data_report(self.collection, labels=by_label, rare_labels=dict(self.rare))
        report["warnings"] += self.rarity()
        return report


def usable_photos(listing: Listing, facts: Mapping[str, PhotoFacts]) -> tuple[list[Listed], list[LeftOut]]:
    """The photos of `listing` that can be used, and why others can't; `facts` are by their names.

    Raises:
        UserError: None can.
    """
    usable = [photo for photo in listing.photos if facts[photo.name].problem is None]
    broken = [LeftOut(photo.name, reason) for photo in listing.photos if (reason := facts[photo.name].problem)]
    if not usable:
        first = f"{broken[0].name}: {broken[0].reason}"
        raise UserError(f"none of the {len(broken)} photos of {listing.root} can be used; {first}")
    return usable, broken


def mark_photos(
    listing: Listing,
    facts: Mapping[str, PhotoFacts],
    *,
    wanted: Sequence[str] | None = None,
    known: Sequence[str] | None = None,
    min_groups: int = 1,
    folds: int | None = None,
) -> TaggedPhotos:
    """Choose the labels that are told: those on enough groups; photos that have none of them are left out.

    Files of the same bytes are one photo, which has the labels of all of them, or those that a correction gives.

    Args:
        listing: The photos.
        facts: Of every listed photo, by its name.
        wanted: Take only these labels; None: all.
        known: The labels of a finished run, which are taken as they are; None: there is none.
        min_groups: That a label must be on, if that is more than five.
        folds: Of the cross-validation.

    Raises:
        UserError: No photo can be used, a wanted label is on none, fewer than two labels are on enough groups, or
            copies of a photo are on different sides of a given split.
    """
    usable, broken = usable_photos(listing, facts)
    listing, contents = _settled(listing, _by_content(usable, facts))
    photos, together, copies = _each_once(contents)
    grouping = find_groups(photos, [facts[photo.name] for photo in photos], together)
    labels = sorted({*listing.classes, *(label for photo in photos for label in photo.each_label)})
    has = {name: np.array([name in photo.each_label for photo in photos]) for name in labels}
    groups = {name: count_groups(member, grouping) for name, member in has.items()}
    fewest = max(FEW_GROUPS, min_groups)
    names, rare, unknown = choose_labels(groups, fewest, wanted=wanted, known=known, where=listing.root, noun="photo")
    index = {name: i for i, name in enumerate(names)}
    own = [[index[label] for label in photo.each_label if label in index] for photo in photos]
    fewer = replace(listing, photos=tuple(photos), left_out=(*listing.left_out, *broken, *copies))
    true, collection = collect_told(fewer, facts, names, own, together, folds)
    return TaggedPhotos(names, true, collection.labels, rare, collection, fewest=fewest, unknown=unknown)


def collect_told(
    listing: Listing,
    facts: Mapping[str, PhotoFacts],
    names: Sequence[str],
    own: Sequence[Sequence[int]],
    together: Sequence[str | None] | None,
    folds: int | None,
) -> tuple[NDArray[np.bool_], Collection]:
    """Which photos have which labels, and the photos that have any, each under the label that the split goes by.

    Args:
        listing: N photos that can be used, and what is left out already.
        facts: Of each, by its name.
        names: The labels that are told.
        own: Of each photo its labels among these, [N].
        together: Groups that photos are known to be of, see `find_groups`.
        folds: Of the cross-validation.

    Raises:
        UserError: No photo has one of the labels.
    """
    kept = [i for i, each in enumerate(own) if each]
    if not kept:
        raise UserError(f"no photo of {listing.root} has one of the labels {', '.join(names[:10])}")
    without = [LeftOut(photo.name, NOT_TOLD) for photo, each in zip(listing.photos, own, strict=True) if not each]
    photos, own = [listing.photos[i] for i in kept], [own[i] for i in kept]
    known = [facts[photo.name] for photo in photos]
    grouping = find_groups(photos, known, None if together is None else [together[i] for i in kept])
    grouping = replace(grouping, two_labels=[])  # what looks the same may have other labels
    strata = choose_strata(own, len(names), grouping, max(FEW_GROUPS, folds or 0))
    true = np.zeros((len(photos), len(names)), dtype=np.bool_)
    for row, each in zip(true, own, strict=True):
        row[each] = True
    collection = Collection(
        root=listing.root,
        classes=tuple(names),
        photos=tuple(replace(photo, label=names[i]) for photo, i in zip(photos, strata, strict=True)),
        facts=tuple(known),
        labels=strata,
        grouping=grouping,
        left_out=tuple(sorted([*listing.left_out, *without], key=lambda left: left.name)),
        layout=listing.layout,
        corrected=listing.corrected,
    )
    return true, collection


def _by_content(photos: Sequence[Listed], facts: Mapping[str, PhotoFacts]) -> list[Sequence[Listed]]:
    """The photos, files of the same bytes together."""
    files: dict[str, list[Listed]] = defaultdict(list)
    for photo in photos:
        files[facts[photo.name].digest].append(photo)
    return [*files.values()]


def _settled(listing: Listing, contents: list[Sequence[Listed]]) -> tuple[Listing, list[Sequence[Listed]]]:
    """Both with the corrected labels in place, see `data.photos.corrections.settle`."""
    if listing.corrected is None:
        return listing, contents
    from thawline.data.photos.corrections import settle  # late: most runs need no pyarrow for their folders

    return settle(listing, contents)


def _each_once(contents: Sequence[Sequence[Listed]]) -> tuple[list[Listed], list[str | None] | None, list[LeftOut]]:
    """The first of the files of each content with the labels of all of them, the groups of these, and the others.

    The folders of a shoot in which copies stand, and the groups that a table says of them, bind them as their own do.
    """
    copies = [LeftOut(photo.name, COPY) for each in contents for photo in each[1:]]
    if not copies:
        return [photo for each in contents for photo in each], None, []
    for first, *others in contents:
        if other := next((photo for photo in others if photo.side != first.side), None):
            raise UserError(
                f"{first.name} and {other.name} are one photo, on two sides of the split; leave one of them"
            )
    bonds = [
        (i, bond)
        for i, each in enumerate(contents)
        for photo in each
        for bond in (photo.path.parent if photo.folder else None, photo.group)
        if bond is not None
    ]
    shoots = components(len(contents), links_of_equals(bonds))
    once = [
        replace(each[0], labels=tuple(dict.fromkeys(label for photo in each for label in photo.each_label)))
        for each in contents
    ]
    return once, [str(shoot) for shoot in shoots.tolist()], copies
