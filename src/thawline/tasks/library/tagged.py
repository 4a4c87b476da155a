"""A library's photos with their tags: which tags are told, and which photo has which."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from thawline.data.class_report import grouping_entries
from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.groups import find_groups, kinds_of
from thawline.data.photos.photo import PhotoFacts
from thawline.data.tables.named import name_below
from thawline.errors import UserError
from thawline.tasks.library.entries.entry import Entry, key_of
from thawline.tasks.library.entries.reading import base_of, read_entries
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.settings import LibrarySettings
from thawline.tasks.photos.tagged import TaggedPhotos, collect_told, usable_photos
from thawline.tasks.tags.told import count_groups

_FEWEST = 2  # tags that are told apart


@dataclass(frozen=True)
class Library:
    """The entries of a library as photos with tags, before any photo is read.

    Attributes:
        path: Its file.
        listing: The photos that have a tag, each once.
        tags: Those of each photo, by its name, in their order.
        skipped: Entries and values that can't be used.
        fewest: Groups of photos that a tag must have to be told.
    """

    path: Path
    listing: Listing
    tags: Mapping[str, Sequence[str]]
    skipped: Skipped
    fewest: int


@dataclass(frozen=True, eq=False)
class TaggedEntries(TaggedPhotos):
    """The photos that have one of the tags that are told.

    Attributes:
        skipped: Entries and values that can't be used.
    """

    skipped: Skipped

    def report(self) -> dict[str, Any]:
        """What the library holds, as plain JSON; photos are counted under each of their tags."""
        collection = self.collection
        per_tag = {
            name: {"photos": int(member.sum()), "groups": count_groups(member, collection.grouping)}
            for name, member in zip(self.names, self.true.T, strict=True)
        }
        kinds = kinds_of(collection.grouping.near_duplicates, collection.facts)
        return {
            "root": str(collection.root),
            "photos": len(collection.names),
            "classes": per_tag,
            **grouping_entries(collection, noun="photos", alike="look the same", kinds=kinds),
            "rare_labels": dict(self.rare),
            "skipped": self.skipped.summary(),
            "warnings": [],
        }


def read_library(data: LibrarySettings) -> Library:
    """The entries of `data` that have a photo and tags. A photo that several entries name has the tags of all.

    Raises:
        UserError: The file can't be read, or no entry in it has a photo that is there and a tag.
    """
    path, skipped = Path(data.path).expanduser(), Skipped()
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a library's file: JSON, JSON lines, CSV or Parquet")
    root = Path(os.path.normpath((Path(data.images).expanduser() if data.images else base_of(path)).absolute()))
    photos: dict[str, Path] = {}
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    left_out: dict[str, LeftOut] = {}
    for entry in read_entries(path, data.entries, skipped):
        name = name_below(entry.photo, root)
        if reason := _why_not(entry):
            left_out[name] = LeftOut(name, reason)
            continue
        photos[name] = entry.photo
        for tag in entry.tags:
            tags[name].setdefault(key_of(tag), tag)
    if not photos:
        first = next(iter(left_out.values()))
        raise UserError(f"{path} has no photo with tags that is there; {first.name}: {first.reason}")
    spelled = _spellings(tags.values())
    own = {name: tuple(spelled[key] for key in some) for name, some in tags.items()}
    listing = Listing(
        root,
        (),
        tuple(Listed(photos[name], name, own[name][0], folder="", side=None) for name in sorted(photos)),
        tuple(sorted((left for left in left_out.values() if left.name not in photos), key=lambda left: left.name)),
    )
    return Library(path, listing, own, skipped, data.min_groups)


def mark(
    library: Library, facts: Mapping[str, PhotoFacts], *, known: Sequence[str] | None = None, folds: int | None = None
) -> TaggedEntries:
    """Choose the tags that are told: those on enough groups. Photos that have none of them are left out.

    Args:
        library: The photos and their tags.
        facts: Of every listed photo, by its name.
        known: The tags of a finished run, which are taken as they are; None: there is none.
        folds: Of the cross-validation.

    Raises:
        UserError: No photo can be used, or fewer than two tags are on enough groups.
    """
    usable, broken = usable_photos(library.listing, facts)
    names, rare = _told(library, usable, facts, known)
    index = {key_of(name): i for i, name in enumerate(names)}
    own = [[index[key] for tag in library.tags[photo.name] if (key := key_of(tag)) in index] for photo in usable]
    fewer = replace(library.listing, photos=tuple(usable), left_out=(*library.listing.left_out, *broken))
    true, collection = collect_told(fewer, facts, names, own, None, folds)
    return TaggedEntries(tuple(names), true, collection.labels, rare, collection, library.skipped)


def _told(
    library: Library, usable: Sequence[Listed], facts: Mapping[str, PhotoFacts], known: Sequence[str] | None
) -> tuple[Sequence[str], Mapping[str, int]]:
    """The tags that are told, and of those that are too rare how many groups of photos have them."""
    if known is not None:
        return known, {}
    ids = find_groups(usable, [facts[photo.name] for photo in usable]).ids
    groups: dict[str, set[int]] = defaultdict(set)
    for photo, group in zip(usable, ids.tolist(), strict=True):
        for tag in library.tags[photo.name]:
            groups[tag].add(group)
    names = sorted(tag for tag, own in groups.items() if len(own) >= library.fewest)
    if len(names) < _FEWEST:
        most = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
        raise UserError(
            f"{library.path} has fewer than {_FEWEST} tags on {library.fewest} groups of photos each; its most "
            f"frequent: {', '.join(f'{tag} {len(own)}' for tag, own in most)}; lower data.min_groups, or tag more"
        )
    return names, {tag: len(own) for tag, own in sorted(groups.items()) if len(own) < library.fewest}


def _why_not(entry: Entry) -> str:
    """Why nothing is learnt from an entry; "": something is."""
    if not entry.tags:
        return "no tags"
    return "" if entry.photo.exists() else "nothing is there"


def _spellings(each: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """How each tag is written most often, by what it is compared by; the first of these by alphabet."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for tags in each:
        for key, tag in tags.items():
            counts[key][tag] += 1
    return {key: min(own, key=lambda tag: (-own[tag], tag)) for key, own in counts.items()}
