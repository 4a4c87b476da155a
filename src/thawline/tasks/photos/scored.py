"""Photos that have a score: read from a table, grouped and reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from thawline.data.class_report import FEW_SAMPLES, grouping_entries, print_findings, print_groups
from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import find_groups, kinds_of
from thawline.data.photos.people import People, people_warnings, print_people
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.scored import list_scored
from thawline.data.score_report import print_scores, score_entry
from thawline.features.progress import say
from thawline.screen import say_whole
from thawline.tasks.photos.facts import HEAD_BYTES, photo_facts
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.photos.tagged import usable_photos
from thawline.tasks.scores.told import ScoredSamples
from thawline.tasks.settings import CheckSettings, RunSettings


@dataclass(frozen=True, eq=False)
class ScoredPhotos:
    """The photos that can be used, and their scores.

    Attributes:
        collection: The photos; each one's label is its score as text, and `labels` are the parts of the range of scores
            by which it is dealt out in a split.
        told: Their scores.
    """

    collection: Collection
    told: ScoredSamples

    def report(self) -> dict[str, Any]:
        """What the collection holds, as plain JSON."""
        collection = self.collection
        kinds = kinds_of(collection.grouping.near_duplicates, collection.facts)
        entries: dict[str, Any] = grouping_entries(collection, noun="photos", alike="look the same", kinds=kinds)
        entries |= {"root": str(collection.root), "photos": len(collection.names)}
        entries["scores"] = score_entry(self.told.scores)
        few = len(collection.names) < FEW_SAMPLES
        warnings = [*([f"Fewer than {FEW_SAMPLES} photos."] if few else []), *people_warnings(collection.people)]
        if entries.pop("two_labels"):
            warnings.append("Some photos look the same and have different scores; they stay on one side of a split.")
        if collection.people is not None:
            entries["people"] = collection.people.to_json()
        return {**entries, "two_labels": [], "warnings": warnings}


def score_photos(
    listing: Listing, facts: Mapping[str, PhotoFacts], folds: int | None = None, people: People | None = None
) -> ScoredPhotos:
    """Join a listing of `list_scored` with what reading the files gave; `facts` are by the photos' names.

    Raises:
        UserError: No photo can be used, or all scores are the same.
    """
    usable, broken = usable_photos(listing, facts)
    known = [facts[photo.name] for photo in usable]
    grouping = find_groups(usable, known)
    scores = np.array([float(photo.label) for photo in usable])
    told = ScoredSamples.of(scores, grouping.ids, folds, listing.root)
    collection = Collection(
        root=listing.root,
        classes=told.names,
        photos=tuple(usable),
        facts=tuple(known),
        labels=told.strata,
        grouping=grouping,
        left_out=tuple(sorted([*listing.left_out, *broken], key=lambda left: left.name)),
        people=people,
    )
    return ScoredPhotos(collection, told)


def check_scored(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show how scores are distributed, groups, near-duplicates, broken files and rows that are left out.

    Raises:
        UserError: There are no usable photos with two different scores.
    """
    listing, people = find_peopled(listed(settings), settings)
    scored = score_photos(listing, photo_facts(listing, settings.data, settings.store.root), people=people)
    size = HEAD_BYTES * len({fact.digest for fact in scored.collection.facts})
    report = {**scored.report(), "store_bytes": size}
    say_whole(console, f"{report['photos']} photos in {report['root']}")
    print_scores(report["scores"], console)
    print_people(report, console)
    print_groups(report, console, noun="photos")
    print_findings(report, console, noun="photos")
    return report


def listed(settings: RunSettings | CheckSettings) -> Listing:
    """The photos of the table of `settings.data`, before any is read, after what there is to say of it."""
    listing = list_scored(Path(settings.data.path))
    for note in listing.notes:
        say(note)
    return listing
