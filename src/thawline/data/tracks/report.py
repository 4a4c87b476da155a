"""What `data check` and every run say about a collection of tracks: as JSON, and on screen."""

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
    print_findings,
    print_groups,
    print_line,
    print_list,
)
from thawline.data.splits import TRACK_BONDS, check_split
from thawline.data.tracks.collection import TrackCollection
from thawline.data.tracks.groups import SEGMENTS, shifted_kinds
from thawline.errors import UserError
from thawline.files import JSON
from thawline.screen import say_whole


def track_report(
    collection: TrackCollection,
    *,
    labels: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    bytes_per_track: int | None = None,
    **extra: JSON,
) -> dict[str, JSON]:
    """What data_report.json holds.

    Args:
        collection: the tracks.
        labels: which tracks have each label, [N], where a track can have several; None: the classes are counted.
        bytes_per_track: in the feature store, all of its windows; gives the predicted size of the store.
        extra: further entries, taken as they are.
    """
    ids = collection.grouping.ids
    kinds = shifted_kinds(collection.grouping.near_duplicates, collection.facts)
    seconds = np.array([fact.seconds for fact in collection.facts])
    per_class: dict[str, JSON] = {}
    if labels is None:
        labels = {name: collection.labels == index for index, name in enumerate(collection.classes)}
    for name, member in labels.items():
        per_class[name] = {
            "tracks": int(member.sum()),
            "groups": len(np.unique(ids[member])),
            "minutes": round(float(seconds[member].sum()) / 60, 1),
        }
    rates, counts = np.unique([fact.rate for fact in collection.facts], return_counts=True)
    report: dict[str, JSON] = {
        "root": str(collection.root),
        "tracks": len(collection.names),
        "classes": per_class,
        "seconds": {
            "shortest": round(float(seconds.min()), 3),
            "median": round(float(np.median(seconds)), 3),
            "longest": round(float(seconds.max()), 3),
        },
        "rates": {str(rate): int(count) for rate, count in zip(rates, counts, strict=True)},
        "known_artists": len({track.artist for track in collection.tracks if track.artist}),
        **grouping_entries(collection, noun="tracks", alike="sound the same", kinds=kinds),
        "warnings": [*_warnings(collection, per_class)],
    }
    if bytes_per_track is not None:
        report["store_bytes"] = bytes_per_track * len({fact.digest for fact in collection.facts})
    return {**report, **extra}


def _warnings(collection: TrackCollection, per_class: Mapping[str, Any]) -> Iterable[str]:
    yield from name_and_size_warnings(per_class, noun="tracks", few="A result on so few says little.")
    if collection.grouping.reasons.get(SEGMENTS):
        yield (
            f"Some files look like segments of {collection.grouping.reasons[SEGMENTS]} tracks (name.0, name.1, …); "
            "those of one track stay together, or the result would be too good."
        )
    if not any(track.artist for track in collection.tracks):
        yield (
            "No artists are known, so one artist's tracks may stand on both sides of a split, which makes results too "
            "good; a table with a column artist mends that."
        )
    if collection.grouping.two_labels:
        yield "Some tracks stand under two labels, or sound the same as one with others; keep one of each pair."
    if collection.sides is not None:
        try:
            check_split(collection.sides, collection.grouping.ids, collection.names, TRACK_BONDS)
        except UserError as error:
            yield error.sentence


def print_track_report(report: Mapping[str, Any], console: Console) -> None:
    """Show a report; lists longer than 20 are cut short."""
    seconds = report["seconds"]
    say_whole(console, f"{report['tracks']} tracks in {report['root']}")
    table = Table()
    table.add_column("class", overflow="fold")
    for column in ("tracks", "groups", "minutes"):
        table.add_column(column, justify="right")
    for name, counts in report["classes"].items():
        table.add_row(as_plain_text(name), str(counts["tracks"]), str(counts["groups"]), f"{counts['minutes']:.1f}")
    console.print(table)
    print_line(
        console,
        f"{seconds['shortest']:.1f} to {seconds['longest']:.1f} s long, half of them up to {seconds['median']:.1f} s; "
        f"{', '.join(f'{count} at {rate} Hz' for rate, count in report['rates'].items())}",
    )
    print_groups(report, console, noun="tracks")
    if "themes" in report:
        _print_themes(report["themes"], console)
    print_findings(report, console, noun="tracks")


def _print_themes(themes: Mapping[str, Any], console: Console) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in themes["counts"].items())
    print_line(console, f"Themes of the lyrics are told of {themes['tracks']} tracks{f': {counts}' if counts else ''}")
    unknown = [f"{name!r} ({count})" for name, count in themes["unknown"].items()]
    print_list(console, "Themes that are not known, and left out", unknown)
