"""Which photos of a collection show people, as a detector said: for the report, and as a list."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.data.listing import LeftOut, Listed
from thawline.errors import UserError
from thawline.files import JSON, write_text
from thawline.screen import say

PEOPLE_FILE = "people.csv"
_NOBODY = "shows no people"


@dataclass(frozen=True)
class People:
    """What a detector said of the photos that can be used.

    Attributes:
        required: Whether those that show no people are left out.
        detector: What looked, as it was named.
        min_confidence: How sure it must be of one person.
        confidences: How sure it is of the surest one, 0 to 1, by the photos' names.
        labels: The photos' classes, by their names.
    """

    required: bool
    detector: str
    min_confidence: float
    confidences: Mapping[str, float]
    labels: Mapping[str, str]

    def shown_in(self, name: str) -> bool:
        """Whether the photo `name` shows people."""
        return self.confidences[name] >= self.min_confidence

    def without(self) -> list[LeftOut]:
        """The photos that show none, as what is left out."""
        return [LeftOut(name, _NOBODY) for name in self.confidences if not self.shown_in(name)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Photos `with` and `without` people of each class."""
        counts = Counter((self.labels[name], self.shown_in(name)) for name in self.confidences)
        classes = sorted({label for label, _ in counts})
        return {name: {"with": counts[name, True], "without": counts[name, False]} for name in classes}

    def to_json(self) -> dict[str, JSON]:
        """What a report holds of it; `photos`, one by one, are for a file of their own."""
        classes = self.counts()
        return {
            "required": self.required,
            "detector": self.detector,
            "min_confidence": self.min_confidence,
            **{what: sum(counts[what] for counts in classes.values()) for what in ("with", "without")},
            "classes": {name: {**counts} for name, counts in classes.items()},
            "photos": [
                {"path": name, "label": self.labels[name], "people": self.shown_in(name), "confidence": confidence}
                for name, confidence in sorted(self.confidences.items())
            ],
        }


def check_left(photos: Iterable[Listed], people: People, *, least: int) -> None:
    """Are there photos of at least `least` classes among `photos`, those that are not left out?

    Raises:
        UserError: There are not.
    """
    left = {photo.label for photo in photos if photo.name in people.confidences}
    if people.required and len(left) < least:
        none = len(people.without())
        raise UserError(
            f"people=require leaves photos of {len(left)} classes: {none} of {len(people.confidences)} show no people "
            "to this detector; use another, a lower people.min_confidence, or people=tag"
        )


def people_warnings(people: People | None) -> Iterable[str]:
    """What to mind: classes that lost all of their photos."""
    if people is not None and people.required:
        for name, counts in people.counts().items():
            if not counts["with"]:
                yield f"No photo of {name!r} shows people, so the class is left out."


def people_note(min_confidence: float) -> str:
    """What goes with all that a model says that learnt from photos with people alone."""
    return (
        "This model was trained and judged on photos that show people, to an object detector that was sure of one from "
        f"{min_confidence:g} on. It holds no detector, and answers for photos without people too, which it never saw."
    )


def print_people(report: Mapping[str, Any], console: Console, *, per_class: bool = False) -> None:
    """Show how many photos of a report show people and what becomes of the others; nothing where nobody looked.

    Args:
        report: As `data.photos.report.data_report` makes it.
        console: Where it goes.
        per_class: Whether each class is told too.
    """
    people = report.get("people")
    if people is None:
        return
    what = "are left out" if people["required"] else "are kept"
    say(
        console,
        f"people: {people['with']} photos with, {people['without']} without, which {what} "
        f"({people['detector']}, from {people['min_confidence']:g} on)",
    )
    if per_class:
        for name, counts in people["classes"].items():
            say(console, f"  {name}: {counts['with']} with, {counts['without']} without")


def write_people(folder: Path, report: dict[str, Any]) -> None:
    """Move what a report says of each photo into a table in `folder`: path, label, people (1 or 0), confidence."""
    photos = report.get("people", {}).pop("photos", None)
    if photos is None:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "people", "confidence"])
    for one in photos:
        writer.writerow([one["path"], one["label"], int(one["people"]), f"{one['confidence']:.4f}"])
    write_text(folder / PEOPLE_FILE, text.getvalue())
