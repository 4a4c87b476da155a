"""Entries in tables: CSV row by row, Parquet batch by batch."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain, count, dropwhile, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thawline.data.tables.reading import Columns, column_name, header_of
from thawline.errors import UserError
from thawline.tasks.library.entries.entry import FIELDS, ID, PATH
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.pieces import open_library, read_lines

COLUMNS = Columns((ID, PATH), tuple(name for name in FIELDS if name not in (ID, PATH)), row="entry")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)  # Excel's
_OF_HEADER = 100  # lines at most
_BATCH = 1024  # rows at once
_LONGEST = 1 << 22  # characters of a value: encodings of many faces are long


def read_csv(path: Path) -> Iterator[RawEntry]:
    """The rows of a CSV, as dictionaries of text by column; "" is left out.

    Raises:
        UserError: The file can't be read or has no columns `id,image_path`.
    """
    lines = dropwhile(lambda line: not line.strip(), read_lines(path))
    head = list(islice(lines, _OF_HEADER))
    named = _SEPARATOR_LINE.fullmatch(head[0]) if head else None
    if named:
        del head[0]
    if not head:
        raise UserError(f"{path} is empty; it needs the columns {ID},{PATH} and a row for each entry")
    separator, header, used = header_of(head, COLUMNS, named[1] if named else None)
    check_columns(path, header)
    for number, (values, problem) in enumerate(_parsed(chain(head[used:], lines), separator), start=2):
        place = f"row {number}"
        if problem:
            yield RawEntry(place, problem=problem, shown="".join(values))
        elif len(values) > len(header) and any(value.strip() for value in values[len(header) :]):
            yield RawEntry(place, problem=f"more values than the {len(header)} columns; quote what holds the separator")
        elif any(value.strip() for value in values):
            yield RawEntry(place, {name: value for name, value in zip(header, values, strict=False) if name and value})


def read_parquet(path: Path) -> Iterator[RawEntry]:
    """The rows of a Parquet file, as dictionaries by column.

    Raises:
        UserError: The file can't be read, is damaged, or has no columns `id` and `image_path`.
    """
    numbers = count(2)
    try:
        with open_library(path) as opened, pq.ParquetFile(opened) as file:
            names = [column_name(name) for name in file.schema_arrow.names]
            check_columns(path, names)
            for batch in file.iter_batches(_BATCH, use_threads=False):
                columns = [column.to_pylist() for column in batch.columns]
                for values in zip(*columns, strict=True):
                    yield RawEntry(f"row {next(numbers)}", as_row(names, values))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({str(error).splitlines()[0]})") from None


def check_columns(place: Path | str, names: Iterable[str]) -> None:
    """Has a table what each entry needs?

    Raises:
        UserError: It lacks a column, or has one twice.
    """
    there = list(names)
    if missing := [name for name in COLUMNS.needed if name not in there]:
        shown = ",".join(name if len(name) < 40 else f"{name[:37]}…" for name in there[:12] if name)
        raise UserError(
            f"{place} has no column {' and no column '.join(missing)}; entries need {ID},{PATH}, and it has "
            f"{shown or 'none'}"
        )
    if twice := [name for name in COLUMNS.known if there.count(name) > 1]:
        raise UserError(f"{place} has the column {twice[0]} twice; keep one")


def _parsed(lines: Iterable[str], separator: str) -> Iterator[tuple[list[str], str]]:
    """(values, what is wrong) of each row; after a quote that is never closed reading goes on with the next line."""
    source = iter(lines)
    taken: list[str] = []  # lines of the row that is being read
    again: list[str] = []  # lines that are read once more, the last one first

    def fed() -> Iterator[str]:
        while True:
            line = again.pop() if again else next(source, None)
            if line is None:
                return
            taken.append(line)
            yield line

    before = csv.field_size_limit(_LONGEST)
    try:
        while True:
            taken.clear()
            # strict: a quote within a field means that an earlier one was left open.
            reader = csv.reader(fed(), delimiter=separator, strict=True, skipinitialspace=True)
            try:
                for values in reader:
                    taken.clear()
                    yield values, ""
                return
            except csv.Error as error:
                reason = str(error)
            again += reversed(taken[1:])
            shown = [taken[0][:40]] if taken else []
            yield shown, _quotes(reason)
    finally:
        csv.field_size_limit(before)


def _quotes(reason: str) -> str:
    if "field larger" in reason:
        return f"a value of more than {_LONGEST:,} characters, or a quote that is never closed"
    return "a quote that is not closed where the value ends; double the quotes within a quoted value"


def as_row(names: Iterable[str], values: Iterable[Any]) -> dict[str, Any]:
    """A row as a dictionary, without what it has not."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
