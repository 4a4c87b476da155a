"""`thawline predict` with a bundle of the match task: a decision for each row of a table of images and texts."""

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from thawline.data.pairs.labels import MATCH, MISMATCH
from thawline.data.tables.places import Absent, find_files
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.files import write_atomically
from thawline.tasks.match.bundle import Match, PairBundle
from thawline.tasks.match.said import Row, print_matches, write_match_lines, write_match_parquet
from thawline.tasks.predicting import PredictSettings

_ANSWERS = (MATCH, MISMATCH)  # by whether it is a mismatch
_COLUMNS = Columns(("image_path", "text"), row="pair")


def predict_pairs(
    bundle: PairBundle,
    settings: PredictSettings,
    tables: Iterator[str],
    counts: Counter[str | None],
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
    counts: Counter[str | None],
    advance: Callable[[int], None] | None,
) -> Generator[Row, None, None]:
    """What the bundle says of each row of the tables, counted by its answer.

    Raises:
        UserError: A table can't be read, or lacks a column.
    """
    for name in tables:
        for row in _judge_table(bundle, Path(name), calibrated=settings.calibrated is True):
            answer = row.match.is_mismatch
            counts[None if answer is None else _ANSWERS[answer]] += 1
            if advance is not None:
                advance(1)
            yield row


def _judge_table(bundle: PairBundle, table: Path, *, calibrated: bool) -> Iterator[Row]:
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
        yield Row(str(table), record.row, replace(match, image=image, text=text))


def _pair(record: Record) -> tuple[str, str]:
    return record.values.get("image_path", "").strip(), record.values.get("text", "").strip()


def _problem(record: Record) -> str:
    """Why a row can't be asked about; "" if it can."""
    image, text = _pair(record)
    return record.problem or ("" if image else "image_path is empty") or ("" if text else "text is empty")


def _write(said: Iterator[Row], settings: PredictSettings) -> None:
    """Write the rows to the file that the settings name, to standard output, or as a table to a terminal."""
    if settings.out is None:
        if sys.stdout.isatty():
            print_matches(said, Console())
        else:
            write_match_lines(said, sys.stdout.buffer)
        return
    target = Path(settings.out)
    target.parent.mkdir(parents=True, exist_ok=True)

    def write(beside: Path) -> None:
        if target.suffix.lower() == ".parquet":
            write_match_parquet(said, beside)
        else:
            with beside.open("wb") as file:
                write_match_lines(said, file)

    write_atomically(target, write)
