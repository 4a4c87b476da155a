"""Who was on which side: written before anything is fitted, read back when other photos are judged."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thawline.files import write_text

COLUMNS = ("path", "digest", "phash", "label", "group", "fold", "text")


@dataclass(frozen=True)
class SplitRow:
    """One sample's place in a run.

    Attributes:
        path: Relative to the collection's folder.
        digest: sha256 of the file's bytes, hex.
        phash: Perceptual hash, hex; "" where there is none.
        label: Name of its class.
        group: Its group.
        fold: The fold that judged it; "" for a sample that was only trained on.
        text: sha256 of the text that belongs to it, hex; "" where none does.
    """

    path: str
    digest: str
    phash: str
    label: str
    group: int
    fold: str
    text: str = ""


def write_split(path: Path, rows: Sequence[SplitRow]) -> None:
    """Write the split as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.path, row.digest, row.phash, row.label, row.group, row.fold, row.text) for row in rows)
    write_text(path, text.getvalue())


def read_split_rows(path: Path) -> list[SplitRow]:
    """The rows that `write_split` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            SplitRow(
                path=row["path"],
                digest=row["digest"],
                phash=row["phash"],
                label=row["label"],
                group=int(row["group"]),
                fold=row["fold"],
                text=row.get("text", ""),  # older runs have none
            )
            for row in csv.DictReader(file)
        ]
