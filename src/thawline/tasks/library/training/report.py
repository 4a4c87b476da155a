"""`training_report.json` and `skipped.json`: what a training read, left out, did and measured."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from thawline.files import write_json
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.patterns.tags import number_tags
from thawline.tasks.library.training.gathered import Gathered

FILE: Final = "training_report.json"
SKIPPED: Final = "skipped.json"
COMPLETED, FAILED = "completed", "failed"
_TOP = 20  # tags


def write_report(
    folder: Path,
    source: str,
    library: Gathered,
    skipped: Skipped,
    stages: Mapping[str, Mapping[str, Any]],
    *,
    seconds: float,
    reason: str = "",
) -> dict[str, Any]:
    """Write both files; the report.

    Args:
        folder: The library's directory.
        source: What was read.
        library: Its entries.
        skipped: What of it can't be used.
        stages: What each stage that ended says of itself.
        seconds: How long all took.
        reason: Why the training could not go on; "": it is complete.
    """
    tags = number_tags(library.tags)
    report = {
        "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "status": FAILED if reason else COMPLETED,
        **({"reason": reason} if reason else {}),
        "total_images": len(library),
        "total_tags": len(tags.names),
        "images_with_faces": library.with_faces,
        "images_with_detailed_desc": sum(map(bool, library.detailed)),
        "top_categories": [[tag, int(n)] for tag, n in zip(tags.names[:_TOP], tags.counts[:_TOP], strict=True)],
        "images_with_description": sum(map(bool, library.descriptions)),
        "images_with_tags": sum(map(bool, library.tags)),
        "faces": sum(map(len, library.faces)),
        "source": source,
        "skipped": {
            "read": skipped.read,
            "entries": skipped.entries,
            "fields": skipped.fields,
            "reasons": skipped.summary(),
        },
        "stages": {name: dict(said) for name, said in stages.items()},
        "quality": {name: said["figures"] for name, said in stages.items() if said.get("figures")},
        "seconds": round(seconds, 2),
        "version": version("thawline"),
    }
    write_json(folder / SKIPPED, [asdict(one) for one in skipped.listed])
    write_json(folder / FILE, report)
    return report
