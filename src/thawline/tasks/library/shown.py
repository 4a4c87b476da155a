"""What is shown of a library's photos and tags."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from thawline.data.class_report import print_findings, print_groups, print_left_out
from thawline.judging.intervals import Estimate
from thawline.judging.wording import percent
from thawline.screen import say, say_whole

_SHOWN = 12  # tags


def print_library_brief(report: Mapping[str, Any], console: Console) -> None:
    """Show a few lines of a report before a run."""
    groups, tags = report["groups"], report["classes"]
    say_whole(console, f"{report['photos']} photos with {len(tags)} tags in {report['root']}")
    _say_tags(report, console)
    say(console, f"{groups['count']} groups, the largest of {groups['largest']} photos")
    print_left_out(report["left_out"], console)
    _say_skipped(report, console)
    for warning in report["warnings"]:
        say(console, f"! {warning}", style="yellow")


def print_library(report: Mapping[str, Any], console: Console) -> None:
    """Show all of a report."""
    say_whole(console, f"{report['photos']} photos with {len(report['classes'])} tags in {report['root']}")
    _say_tags(report, console)
    print_groups(report, console, noun="photos")
    _say_skipped(report, console)
    print_findings(report, console, noun="photos")


def print_examined(examined: Mapping[str, Any], console: Console) -> None:
    """Show how many of the tags are among the first that are suggested."""
    for depth, one in examined["recall_at"].items():
        said, usual = (percent(Estimate(**one[key])) for key in ("suggested", "most_frequent"))
        say(
            console,
            f"share of a photo's tags among the first {depth}: of what is suggested {said}, of the most usual {usual}",
        )
        say(console, one["test"]["summary"])


def _say_tags(report: Mapping[str, Any], console: Console) -> None:
    tags = report["classes"]
    first = sorted(tags, key=lambda name: (-tags[name]["photos"], name))[:_SHOWN]
    more = f", and {len(tags) - _SHOWN} more" if len(tags) > _SHOWN else ""
    counted = ", ".join(f"{name} {tags[name]['photos']}" for name in first)
    say(console, f"tags: {counted}{more}")
    if rare := report["rare_labels"]:
        say(console, f"{len(rare)} other tags are on too few groups to be told (data.min_groups)")


def _say_skipped(report: Mapping[str, Any], console: Console) -> None:
    for one in report["skipped"]:
        say(console, f"not used: {one['field'] or 'entries'}: {one['reason']} ({one['count']} times)")
