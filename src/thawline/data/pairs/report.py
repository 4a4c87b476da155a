"""What `data check` and every run say about image–text pairs: as JSON, and on screen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Console

from thawline.data.class_report import print_left_out
from thawline.data.pairs.graph import Grouping, IntArray, check_sides, find_grouping
from thawline.data.pairs.table import Finding, Pair, PairTable, balance_notes
from thawline.errors import UserError
from thawline.files import JSON
from thawline.screen import say, say_whole

_SHOWN = 20
_NOTES_SHOWN = 5  # of a kind whose rows are kept


def pair_report(table: PairTable, images: IntArray, texts: IntArray, **extra: JSON) -> dict[str, Any]:
    """What data_report.json holds.

    Args:
        table: The pairs that can be used, with labels, and what was found.
        images: [pairs] number of each pair's image, the same one for near-duplicates.
        texts: [pairs] number of each pair's text.
        extra: Further entries, taken as they are.
    """
    pairs = table.pairs
    labels = np.array([pair.label for pair in pairs], dtype=np.int64)
    grouping = find_grouping(images, texts, labels)
    words = np.array([len(pair.text.split()) for pair in pairs])
    report: dict[str, Any] = {
        "root": str(table.root),
        "files": list(table.files),
        "pairs": len(pairs),
        "matches": int((labels == 1).sum()),
        "mismatches": int((labels == 0).sum()),
        "dropped": table.dropped,
        "images": len({pair.image for pair in pairs}),
        "distinct_images": len(np.unique(images)),
        "texts": len({pair.text for pair in pairs}),
        "distinct_texts": len(np.unique(texts)),
        "words": {"least": int(words.min()), "median": float(np.median(words)), "most": int(words.max())},
        "groups": {
            "whole": grouping.whole,
            "count": len(np.unique(grouping.ids)),
            "largest_component": round(grouping.largest, 4),
        },
        "findings": [asdict(finding) for finding in table.findings],
        "warnings": _warnings(table, grouping, images, texts),
    }
    report |= {f"by_{name}": counts for name in ("difficulty", "side") if (counts := _counted(pairs, name))}
    return {**report, **extra}


def _counted(pairs: tuple[Pair, ...], name: str) -> dict[str, dict[str, int]]:
    """Matches and mismatches by difficulty or side; empty where no pair has one."""
    if all(getattr(pair, name) is None for pair in pairs):
        return {}
    counts = Counter((getattr(pair, name) or "not given", pair.label) for pair in pairs)
    return {
        value: {"matches": counts[value, 1], "mismatches": counts[value, 0]}
        for value in dict.fromkeys(value for value, _ in counts)
    }


def _warnings(table: PairTable, grouping: Grouping, images: IntArray, texts: IntArray) -> list[str]:
    warnings = balance_notes(table)
    if len({pair.label for pair in table.pairs}) < 2:
        warnings.append("All pairs have one label; 'thawline data mismatches' makes mismatches for matches.")
    if not grouping.whole:
        warnings.append(
            f"Images and texts are shared so widely that one component holds {grouping.largest:.0%} of the pairs: they "
            "are split by image, and pairs that share a text with a side that is judged are dropped from training."
        )
    if any(pair.side for pair in table.pairs):
        try:
            check_sides(table.pairs, images, texts)
        except UserError as error:
            warnings.append(error.sentence)
    return warnings


def print_pair_brief(report: Mapping[str, Any], console: Console) -> None:
    """Show a few lines of a report before a run: how many pairs, and what there is to mind."""
    say_whole(console, f"{report['pairs']} pairs in {', '.join(report['files'])}")
    say(console, f"{report['matches']} matches, {report['mismatches']} mismatches; {_groups_line(report['groups'])}")
    kinds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for finding in report["findings"]:
        kinds[finding["dropped"]][finding["kind"]] += 1
    for dropped, what in ((True, f"left out {report['dropped']} rows"), (False, "noted and kept")):
        if kinds[dropped]:
            say(console, f"{what}: {', '.join(f'{count} {kind}' for kind, count in kinds[dropped].most_common())}")
    print_left_out(report.get("left_out", ()), console)
    for warning in report["warnings"]:
        say(console, f"! {warning}", style="yellow")


def print_pair_report(report: Mapping[str, Any], console: Console) -> None:
    """Show a report; what is found is listed by kind, lists longer than 20 are cut short."""
    lines = [
        f"{report['pairs']} pairs in {', '.join(report['files'])}",
        f"{report['matches']} matches, {report['mismatches']} mismatches; rows left out: {report['dropped']}",
        f"{report['images']} images ({report['distinct_images']} that look different), "
        f"{report['texts']} texts ({report['distinct_texts']} but for case and punctuation) "
        "of {least} to {most} words, half of them up to {median:.0f}".format(**report["words"]),
        _groups_line(report["groups"]),
    ]
    for name in ("difficulty", "side"):
        counts = report.get(f"by_{name}", {})
        lines += [
            f"{name} {value}: {n['matches']} matches, {n['mismatches']} mismatches" for value, n in counts.items()
        ]
    if "tokens" in report:
        lines.append(report["tokens"])
    for line in lines:
        say(console, line)
    _print_findings([Finding(**finding) for finding in report["findings"]], console)
    for warning in report["warnings"]:
        say(console, f"! {warning}", style="yellow")


def _groups_line(groups: Mapping[str, Any]) -> str:
    of = "the connected components of images and texts" if groups["whole"] else "one for each image"
    return f"{groups['count']} groups, {of}; the largest component has {groups['largest_component']:.1%} of the pairs"


def _print_findings(findings: list[Finding], console: Console) -> None:
    together: dict[tuple[str, bool], list[Finding]] = {}
    for finding in findings:
        together.setdefault((finding.kind, finding.dropped), []).append(finding)
    for (kind, dropped), same in sorted(together.items(), key=lambda item: not item[0][1]):
        rows = f"{len(same)} row{'s' if len(same) != 1 else ''}"
        say(console, f"{kind}: {rows} {'left out' if dropped else 'noted and kept'}")
        shown = _SHOWN if dropped else _NOTES_SHOWN
        for finding in same[:shown]:
            where = f"row {finding.row}" if finding.row is not None else "the file"
            say(console, f"  {finding.file}, {where}: {finding.problem}")
        if len(same) > shown:
            say(console, f"  … and {len(same) - shown} more in data_report.json")


def findings_line(table: PairTable) -> str:
    """How many rows are left out, by what is wrong with them; "" if none are."""
    counts = Counter(finding.kind for finding in table.findings if finding.dropped)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return (
        f"rows left out: {table.dropped} ({kinds}); 'thawline data check FILE task=match' names them" if counts else ""
    )
