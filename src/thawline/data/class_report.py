"""What is said of any collection in classes, of photos or tracks: groups, duplicates, sides, what is left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from thawline.data.alike import alike_warnings
from thawline.data.groups import Grouping
from thawline.data.listing import LeftOut
from thawline.data.score_report import print_score_line
from thawline.files import JSON
from thawline.screen import say, say_whole

FEW_SAMPLES = 30  # a class below this says little
FEW_GROUPS = 5  # what cv=5 needs
IMBALANCE = 5  # largest class / smallest class

_SHOWN = 20
_REASONS_SHOWN = 6


class Grouped(Protocol):
    """A collection of samples that have names, groups and perhaps sides."""

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each sample relative to the folder, [N]."""

    @property
    def sides(self) -> npt.NDArray[np.str_] | None:
        """Side of each sample, [N], if the collection came split."""

    @property
    def grouping(self) -> Grouping:
        """Who must stay together."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is not used."""

    @property
    def layout(self) -> str:
        """What the folders were taken for."""


def grouping_entries(
    collection: Grouped, *, noun: str, alike: str, kinds: Mapping[tuple[int, int], str] | None = None
) -> dict[str, JSON]:
    """Groups, duplicates, what is left out, and the sides if there are any.

    Args:
        collection: The samples.
        noun: What they are, in the plural: "photos".
        alike: What near-duplicates do: "look the same".
        kinds: How near-duplicates differ, by pair, as far as that is known; None: it never is.
    """
    names, grouping = collection.names, collection.grouping
    exact, known = set(grouping.exact_duplicates), kinds or {}
    entries: dict[str, JSON] = {
        "groups": {
            "count": len(np.unique(grouping.ids)),
            "largest": int(np.bincount(grouping.ids).max()),
            "sets_by_reason": dict(grouping.reasons),
        },
        "exact_duplicates": [[names[i], names[j]] for i, j in grouping.exact_duplicates],
        "near_duplicates": [[names[i], names[j]] for i, j in grouping.near_duplicates],
        "near_duplicate_kinds": [{noun: [names[i], names[j]], "kind": kind} for (i, j), kind in known.items()],
        "two_labels": [
            {noun: [names[i], names[j]], "kind": "same file" if (i, j) in exact else known.get((i, j), alike)}
            for i, j in grouping.two_labels
        ],
        "left_out": [{"name": left.name, "reason": left.reason} for left in collection.left_out],
    }
    if collection.layout:
        entries["layout"] = collection.layout
    if collection.sides is not None:
        sides, counts = np.unique(collection.sides, return_counts=True)
        entries["sides"] = {str(side): int(count) for side, count in zip(sides, counts, strict=True)}
    return entries


def name_and_size_warnings(per_class: Mapping[str, Any], *, noun: str, few: str) -> Iterable[str]:
    """Classes whose names look alike, and those that are small, unequal or of few groups.

    Args:
        per_class: Of each class how many samples it has, under `noun`, and how many groups.
        noun: What they are, in the plural.
        few: What follows where a class has few of them.
    """
    yield from alike_warnings(per_class)
    sizes = {name: counts[noun] for name, counts in per_class.items()}
    small = [f"{name!r} ({count})" for name, count in sizes.items() if count < FEW_SAMPLES]
    if small:
        yield f"Fewer than {FEW_SAMPLES} {noun}: {', '.join(small)}. {few}"
    least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[most] >= IMBALANCE * sizes[least]:
        yield (
            f"The classes are imbalanced: {sizes[most]} {noun} of {most!r}, {sizes[least]} of {least!r}. "
            "Judge by the F1 of each class rather than by accuracy."
        )
    scarce = [f"{name!r} ({counts['groups']})" for name, counts in per_class.items() if counts["groups"] < FEW_GROUPS]
    if scarce:
        yield f"Fewer than {FEW_GROUPS} groups: {', '.join(scarce)}. cv={FEW_GROUPS} needs as many of every class."


def print_brief(report: Mapping[str, Any], console: Console, *, noun: str) -> None:
    """Show a few lines of a report before a run: how many samples, and what there is to mind.

    Args:
        report: As `data_report` or `track_report` makes it.
        console: Where it goes.
        noun: What the samples are, in the plural.
    """
    groups = report["groups"]
    if "scores" in report:
        say_whole(console, f"{report[noun]} {noun} in {report['root']}")
        print_score_line(report["scores"], console)
    else:
        say_whole(console, f"{report[noun]} {noun} of {len(report['classes'])} classes in {report['root']}")
        say(console, f"classes: {', '.join(f'{name} {counts[noun]}' for name, counts in report['classes'].items())}")
    alike = "".join(
        f"; {len(report[key])} {said}"
        for key, said in (
            ("exact_duplicates", "exact duplicates"),
            ("near_duplicates", "near-duplicates"),
            ("two_labels", "under two labels"),
        )
        if report[key]
    )
    print_corrections(report, console)
    say(console, f"{groups['count']} groups, the largest of {groups['largest']} {noun}{alike}")
    print_left_out(report["left_out"], console)
    for warning in report["warnings"]:
        say(console, f"! {warning}", style="yellow")


def print_corrections(report: Mapping[str, Any], console: Console) -> None:
    """Show what a table of corrections did, the most usual change first; nothing if none was given."""
    done = report.get("corrections")
    if done is None:
        return
    changes = Counter(f"{one['from']} → {one['to']}" for one in done["changed"]).most_common()
    shown = ", ".join(f"{change} {count}" for change, count in changes[:_REASONS_SHOWN])
    more = f", {len(changes) - _REASONS_SHOWN} other changes" if len(changes) > _REASONS_SHOWN else ""
    say(
        console,
        f"corrections: {len(done['changed'])} labels changed{f' ({shown}{more})' if shown else ''}, "
        f"{len(done['left_out'])} left out, {done['kept']} as they were",
    )


def print_left_out(left_out: Sequence[Mapping[str, str]], console: Console) -> None:
    """Show how many samples are left out for which reason, the most usual first; nothing if none are."""
    if not left_out:
        return
    reasons = Counter(left["reason"] for left in left_out).most_common()
    shown = [f"{count} {reason}" for reason, count in reasons[:_REASONS_SHOWN]]
    more = [f"{len(reasons) - len(shown)} other reasons"] if len(reasons) > len(shown) else []
    say(console, f"left out {len(left_out)}: {'; '.join([*shown, *more])}")


def print_groups(report: Mapping[str, Any], console: Console, *, noun: str) -> None:
    """Show the groups of a report, its given split, and the size of the store."""
    groups = report["groups"]
    reasons = ", ".join(f"{count} by {reason}" for reason, count in groups["sets_by_reason"].items() if count)
    print_line(
        console, f"{groups['count']} groups, the largest of {groups['largest']} {noun}; joined: {reasons or 'none'}"
    )
    if "sides" in report:
        print_line(console, f"Given split: {', '.join(f'{side} {count}' for side, count in report['sides'].items())}")
    if "store_bytes" in report:
        print_line(console, f"Predicted size of the feature store: {decimal(report['store_bytes'])}")


def print_findings(report: Mapping[str, Any], console: Console, *, noun: str) -> None:
    """Show a report's duplicates, what it leaves out, and its warnings; lists longer than 20 are cut short."""
    print_list(console, "Exact duplicates", [f"{a} = {b}" for a, b in report["exact_duplicates"]])
    kinds = {tuple(one[noun]): f": {one['kind']}" for one in report["near_duplicate_kinds"]}
    print_list(console, "Near-duplicates", [f"{a} ~ {b}{kinds.get((a, b), '')}" for a, b in report["near_duplicates"]])
    print_list(
        console,
        f"{noun.capitalize()} under two labels",
        ["{} and {} ({})".format(*pair[noun], pair["kind"]) for pair in report["two_labels"]],
    )
    print_list(console, "Left out", [f"{left['name']}: {left['reason']}" for left in report["left_out"]])
    for warning in report["warnings"]:
        say(console, f"! {warning}", style="yellow")


def print_list(console: Console, title: str, lines: Sequence[str]) -> None:
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
    say(console, text)


def as_plain_text(text: str) -> Text:
    """Text without markup; control characters in file names are shown, not obeyed."""
    return Text("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))
