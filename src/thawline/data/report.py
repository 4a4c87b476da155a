"""What `data check` and every run say about a collection: as JSON, and on screen."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from thawline.data.collection import Collection
from thawline.data.preprocessing import JSON
from thawline.data.splits import check_split
from thawline.errors import UserError

FEW_PHOTOS = 30  # a class below this is likely better served by zero-shot than by training
FEW_GROUPS = 5  # what cv=5 needs
IMBALANCE = 5  # largest class / smallest class

_SHOWN = 20


def data_report(collection: Collection, *, bytes_per_photo: int | None = None, **extra: JSON) -> dict[str, JSON]:
    """What data_report.json holds.

    Args:
        collection: the photos.
        bytes_per_photo: in the feature store; gives the predicted size of the store.
        extra: further entries, taken as they are.
    """
    names, grouping = collection.names, collection.grouping
    per_class: dict[str, JSON] = {}
    for index, name in enumerate(collection.classes):
        member = collection.labels == index
        per_class[name] = {"photos": int(member.sum()), "groups": len(np.unique(grouping.ids[member]))}
    exact = set(grouping.exact_duplicates)
    report: dict[str, JSON] = {
        "root": str(collection.root),
        "photos": len(names),
        "classes": per_class,
        "groups": {
            "count": len(np.unique(grouping.ids)),
            "largest": int(np.bincount(grouping.ids).max()),
            "sets_by_reason": dict(grouping.reasons),
        },
        "exact_duplicates": [[names[i], names[j]] for i, j in grouping.exact_duplicates],
        "near_duplicates": [[names[i], names[j]] for i, j in grouping.near_duplicates],
        "two_labels": [
            {"photos": [names[i], names[j]], "kind": "same file" if (i, j) in exact else "look the same"}
            for i, j in grouping.two_labels
        ],
        "left_out": [{"name": left.name, "reason": left.reason} for left in collection.left_out],
        "warnings": [*_warnings(collection, per_class)],
    }
    if collection.sides is not None:
        sides, counts = np.unique(collection.sides, return_counts=True)
        report["sides"] = {str(side): int(count) for side, count in zip(sides, counts, strict=True)}
    if bytes_per_photo is not None:
        report["store_bytes"] = bytes_per_photo * len({fact.digest for fact in collection.facts})
    return {**report, **extra}


def _warnings(collection: Collection, per_class: Mapping[str, Any]) -> Iterable[str]:
    photos = {name: counts["photos"] for name, counts in per_class.items()}
    few = [f"{name!r} ({count})" for name, count in photos.items() if count < FEW_PHOTOS]
    if few:
        yield f"Fewer than {FEW_PHOTOS} photos: {', '.join(few)}. Zero-shot is then likely better than training."
    least, most = min(photos, key=photos.__getitem__), max(photos, key=photos.__getitem__)
    if photos[most] >= IMBALANCE * photos[least]:
        yield (
            f"The classes are imbalanced: {photos[most]} photos of {most!r}, {photos[least]} of {least!r}. "
            "Judge by the F1 of each class rather than by accuracy."
        )
    scarce = [f"{name!r} ({counts['groups']})" for name, counts in per_class.items() if counts["groups"] < FEW_GROUPS]
    if scarce:
        yield f"Fewer than {FEW_GROUPS} groups: {', '.join(scarce)}. cv={FEW_GROUPS} needs as many of every class."
    if collection.grouping.two_labels:
        yield "Some photos stand under two labels, or look the same as one with another label; keep one of each pair."
    if collection.sides is not None:
        try:
            check_split(collection.sides, collection.grouping.ids, collection.names)
        except UserError as error:
            yield str(error)


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Show a report; lists longer than 20 are cut short."""
    print_line(console, f"{report['photos']} photos in {report['root']}")
    table = Table()
    table.add_column("class")
    table.add_column("photos", justify="right")
    table.add_column("groups", justify="right")
    for name, counts in report["classes"].items():
        table.add_row(as_plain_text(name), str(counts["photos"]), str(counts["groups"]))
    console.print(table)
    groups = report["groups"]
    reasons = ", ".join(f"{count} by {reason}" for reason, count in groups["sets_by_reason"].items() if count)
    print_line(
        console, f"{groups['count']} groups, the largest of {groups['largest']} photos; joined: {reasons or 'none'}"
    )
    if "sides" in report:
        sides = ", ".join(f"{side} {count}" for side, count in report["sides"].items())
        print_line(console, f"Given split: {sides}")
    if "store_bytes" in report:
        print_line(console, f"Predicted size of the feature store: {decimal(report['store_bytes'])}")
    print_list(console, "Exact duplicates", [f"{a} = {b}" for a, b in report["exact_duplicates"]])
    print_list(console, "Near-duplicates", [f"{a} ~ {b}" for a, b in report["near_duplicates"]])
    print_list(
        console,
        "Photos under two labels",
        ["{} and {} ({})".format(*pair["photos"], pair["kind"]) for pair in report["two_labels"]],
    )
    print_list(console, "Left out", [f"{left['name']}: {left['reason']}" for left in report["left_out"]])
    for warning in report["warnings"]:
        console.print(Text("! ", style="yellow") + as_plain_text(warning))


def print_list(console: Console, title: str, lines: list[str]) -> None:
    """Show lines below a title, 20 at most; nothing if there are none."""
    if not lines:
        return
    print_line(console, f"{title}: {len(lines)}")
    for line in lines[:_SHOWN]:
        print_line(console, f"  {line}")
    if len(lines) > _SHOWN:
        print_line(console, f"  … and {len(lines) - _SHOWN} more in data_report.json")


def print_line(console: Console, text: str) -> None:
    """Show text as it is."""
    console.print(as_plain_text(text))


def as_plain_text(text: str) -> Text:
    """Text without markup; control characters in file names are shown, not obeyed."""
    return Text("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))
