"""What a table of corrections did to a listing of photos."""

from dataclasses import dataclass
from pathlib import Path

from thawline.files import JSON


@dataclass(frozen=True)
class Correction:
    """What a table says of a photo that can have several labels.

    Attributes:
        labels: All that it has; none: it is left out.
        order: Among all corrections of the table: the highest one of a photo's copies counts.
    """

    labels: tuple[str, ...]
    order: int


@dataclass(frozen=True)
class Corrected:
    """The corrections that lie over the labels of a listing.

    Attributes:
        file: The table, absolute.
        digest: sha256 of its bytes, hex.
        changed: Of each photo whose label it changed its name, the folder's label and the new one; several labels with
            "|" between.
        left_out: Names of the photos that it leaves out.
        kept: How many others it names: their label is the folder's, or they are no photos that can be read.
        notes: Sentences for whoever gave the table.
    """

    file: Path
    digest: str
    changed: tuple[tuple[str, str, str], ...]
    left_out: tuple[str, ...]
    kept: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """A plain dict."""
        return {
            "file": str(self.file),
            "sha256": self.digest,
            "changed": [{"name": name, "from": before, "to": after} for name, before, after in self.changed],
            "left_out": list(self.left_out),
            "kept": self.kept,
            "notes": list(self.notes),
        }
