"""`thawline predict` with a bundle of the match task: a decision for each row of a table of images and texts.

What is said is written as JSON lines, Parquet or a table while pairs are judged.
"""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from thawline.data.listing import as_text
from thawline.data.pairs.labels import MATCH, MISMATCH
from thawline.data.tables.places import Absent, find_files
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.files import write_atomically
from thawline.screen import say_whole, visible
from thawline.tasks.bundle.predicting import PredictSettings
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.match.bundle.pairs import Match, PairBundle

_ANSWERS = (MATCH, MISMATCH)  # by whether it is a mismatch
_COLUMNS = Columns(("image_path", "text"), row="pair")
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
class _Row:
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


def predict_pairs(
    bundle: PairBundle,
    settings: PredictSettings,
    tables: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Sequence[str]:
    """Judge the rows of tables and write what was said of each; see `tasks.task.TaskPredictor`."""
    settings.refuse_of_tracks()
    bundle.max_megapixels = settings.data.max_megapixels
    with closing(_judged(bundle, settings, tables, counts, advance)) as said:
        _write(said, settings)
    return _ANSWERS


def _judged(
    bundle: PairBundle,
    settings: PredictSettings,
    tables: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Generator[_Row, None, None]:
    """What the bundle says of each row of the tables, counted by its answer.

    Raises:
        UserError: A table can't be read, or lacks a column.
    """
    for name in tables:
        for row in _judge_table(bundle, Path(name), calibrated=settings.calibrated is True):
            answer = row.match.is_mismatch
            counts.add_unusable() if answer is None else counts.add(_ANSWERS[answer])
            if advance is not None:
                advance(1)
            yield row


def _judge_table(bundle: PairBundle, table: Path, *, calibrated: bool) -> Iterator[_Row]:
    if table.is_dir():
        raise UserError(f"{table} is a folder; a bundle of pairs takes a table with the columns image_path,text")
    read = read_table(table, _COLUMNS)
    for note in read.notes:
        say(note)
    written = {record.values["image_path"].strip() for record in read.records if not _problem(record)}
    places = find_files(sorted(written), table.absolute().parent)
    # What is not there is asked about as well: the bundle says why it can't be used.
    asked = [
        (table.absolute().parent / image if isinstance(place := places[image], Absent) else place, text)
        for image, text in (_pair(record) for record in read.records if not _problem(record))
    ]
    said = bundle.predict(asked, calibrated=calibrated)
    nothing = Match("", "", None, None, None, bundle.threshold_at(calibrated=calibrated))
    for record in read.records:
        image, text = _pair(record)
        match = replace(nothing, problem=problem) if (problem := _problem(record)) else next(said)
        yield _Row(str(table), record.row, replace(match, image=image, text=text))


def _pair(record: Record) -> tuple[str, str]:
    return record.values.get("image_path", "").strip(), record.values.get("text", "").strip()


def _problem(record: Record) -> str:
    """Why a row can't be asked about; "" if it can."""
    image, text = _pair(record)
    return record.problem or ("" if image else "image_path is empty") or ("" if text else "text is empty")


def _write(said: Iterator[_Row], settings: PredictSettings) -> None:
    """Write the rows to the file that the settings name, to standard output, or as a table to a terminal."""
    if settings.out is None:
        if sys.stdout.isatty():
            _print(said, Console())
        else:
            _write_lines(said, sys.stdout.buffer)
        return
    target = Path(settings.out)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(beside: Path) -> None:
        if target.suffix.lower() == ".parquet":
            _write_parquet(said, beside)
        else:
            with beside.open("wb") as file:
                _write_lines(said, file)

    write_atomically(target, write)


def _write_lines(said: Iterable[_Row], file: IO[bytes]) -> None:
    """Write a line for each pair as soon as it is there."""
    for one in said:
        file.write(json.dumps(one.to_json(), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        file.flush()


def _write_parquet(said: Iterable[_Row], path: Path) -> None:
    """Write a row for each pair, some thousands at a time."""
    rows = iter(said)
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        while group := [one.to_json() for one in islice(rows, _ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))


def _print(said: Iterable[_Row], console: Console) -> None:
    """Print a line for each pair as soon as it is there; path and text come last and are never cut."""
    say_whole(console, "answer        %   row  image: text")
    for one in said:
        match = one.match
        answer = {None: "-", False: MATCH, True: MISMATCH}[match.is_mismatch]
        share = "-" if match.probability is None else f"{100 * match.probability:.1f}"
        what = match.text if match.problem is None else match.problem
        say_whole(console, f"{answer:<8}  {share:>5}  {one.row:>4}  {visible(as_text(match.image))}: {visible(what)}")
