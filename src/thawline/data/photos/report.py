"""What `data check` and every run say about a collection of photos: as JSON, and on screen."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from thawline.data.class_report import (
    as_plain_text,
    grouping_entries,
    name_and_size_warnings,
    print_brief,
    print_corrections,
    print_findings,
    print_groups,
)
from thawline.data.photos.collection import Collection
from thawline.data.photos.groups import kinds_of
from thawline.data.photos.people import people_warnings, print_people
from thawline.data.splits import check_split
from thawline.errors import UserError
from thawline.files import JSON
from thawline.screen import say_whole


def data_report(
    collection: Collection,
    *,
    labels: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    bytes_per_photo: int | None = None,
    **extra: JSON,
) -> dict[str, JSON]:
    """What data_report.json holds.

    Args:
        collection: the photos.
        labels: which photos have each label, [N], where a photo can have several; None: the classes are counted.
        bytes_per_photo: in the feature store; gives the predicted size of the store.
        extra: further entries, taken as they are.
    """
    if labels is None:
        labels = {name: collection.labels == index for index, name in enumerate(collection.classes)}
    per_class: dict[str, JSON] = {}
    kinds = kinds_of(collection.grouping.near_duplicates, collection.facts)
    for name, member in labels.items():
        per_class[name] = {"photos": int(member.sum()), "groups": len(np.unique(collection.grouping.ids[member]))}
    report: dict[str, JSON] = {
        "root": str(collection.root),
        "photos": len(collection.names),
        "classes": per_class,
        **grouping_entries(collection, noun="photos", alike="look the same", kinds=kinds),
        "warnings": [*_warnings(collection, per_class)],
    }
    if collection.corrected is not None:
        report["corrections"] = collection.corrected.to_json()
    if collection.people is not None:
        report["people"] = collection.people.to_json()
    if bytes_per_photo is not None:
        report["store_bytes"] = bytes_per_photo * len({fact.digest for fact in collection.facts})
    return {**report, **extra}


def _warnings(collection: Collection, per_class: Mapping[str, Any]) -> Iterable[str]:
    yield from collection.corrected.notes if collection.corrected else ()
    yield from name_and_size_warnings(per_class, noun="photos", few="Zero-shot is then likely better than training.")
    yield from people_warnings(collection.people)
    if collection.grouping.two_labels:
        yield "Some photos stand under two labels, or look the same as one with another label; keep one of each pair."
    if collection.sides is not None:
        try:
            check_split(collection.sides, collection.grouping.ids, collection.names)
        except UserError as error:
            yield error.sentence


def print_photos_brief(report: Mapping[str, Any], console: Console) -> None:
    """Show a few lines of a report before a run."""
    print_brief(report, console, noun="photos")
    print_people(report, console)


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Show a report; lists longer than 20 are cut short."""
    say_whole(console, f"{report['photos']} photos in {report['root']}")
    table = Table()
    table.add_column("class", overflow="fold")
    table.add_column("photos", justify="right")
    table.add_column("groups", justify="right")
    for name, counts in report["classes"].items():
        table.add_row(as_plain_text(name), str(counts["photos"]), str(counts["groups"]))
    console.print(table)
    print_corrections(report, console)
    print_people(report, console, per_class=True)
    print_groups(report, console, noun="photos")
    print_findings(report, console, noun="photos")
