"""What a bundle said of pairs, as JSON lines, Parquet or a table; each is written while pairs are judged."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from thawline.data.listing import as_text
from thawline.data.pairs.labels import MATCH, MISMATCH
from thawline.screen import say_whole, visible
from thawline.tasks.match.bundle import Match

_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("image_path", pa.string()),
        ("text", pa.string()),
        ("is_mismatch", pa.bool_()),
        ("similarity", pa.float32()),
        ("probability", pa.float32()),
        ("threshold", pa.float32()),
        ("problem", pa.string()),
    ]
)

_ROW_GROUP = 4096  # rows of Parquet that are in memory


@dataclass(frozen=True)
class Row:
    """A row of a table that was judged.

    Attributes:
        file: The table, as it was given.
        row: The row's number as a spreadsheet shows it: the header is row 1.
        match: What the bundle says; image and text as they stand in the table.
    """

    file: str
    row: int
    match: Match

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        one = self.match
        return {
            "file": as_text(self.file),
            "row": self.row,
            "image_path": as_text(one.image),
            "text": one.text,
            "is_mismatch": one.is_mismatch,
            "similarity": one.similarity,
            "probability": one.probability,
            "threshold": one.threshold,
            "problem": one.problem,
        }


def write_match_lines(said: Iterable[Row], file: IO[bytes]) -> None:
    """Write a line for each pair as soon as it is there."""
    for one in said:
        file.write(json.dumps(one.to_json(), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        file.flush()


def write_match_parquet(said: Iterable[Row], path: Path) -> None:
    """Write a row for each pair, some thousands at a time."""
    rows = iter(said)
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        while group := [one.to_json() for one in islice(rows, _ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))


def print_matches(said: Iterable[Row], console: Console) -> None:
    """Print a line for each pair as soon as it is there; path and text come last and are never cut."""
    say_whole(console, "answer        %   row  image: text")
    for one in said:
        match = one.match
        answer = {None: "-", False: MATCH, True: MISMATCH}[match.is_mismatch]
        share = "-" if match.probability is None else f"{100 * match.probability:.1f}"
        what = match.text if match.problem is None else match.problem
        say_whole(console, f"{answer:<8}  {share:>5}  {one.row:>4}  {visible(as_text(match.image))}: {visible(what)}")
