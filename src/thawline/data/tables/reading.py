"""CSV and Parquet tables as plain rows: what a file says, before anything is believed."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thawline.data.tables.encodings import UNDECODED, decode, read_bytes
from thawline.errors import UserError
from thawline.files import write_text

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)  # Excel's: a first line that names it
_LINES_OF_HEADER = 100  # at most: names may hold newlines, in quotes
_COMMENT = "#"


Places = list[tuple[str, int]]  # the columns that are read, and where each stands


@dataclass(frozen=True)
class Columns:
    """The columns that are read, others being ignored unless they are refused or read as well.

    Attributes:
        needed: A table without one is refused.
        optional: The others that are known.
        row: What a row holds, for messages.
        closed: Whether a table with other columns is refused.
        may_be_empty: Whether a table without rows is one.
        others: Whether those that are not known are read too, by their names as they are written, and not ignored.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    row: str = "row"
    closed: bool = False
    may_be_empty: bool = False
    others: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.needed, *self.optional)


@dataclass(frozen=True)
class Record:
    """One row of a file.

    Attributes:
        row: Its number as a spreadsheet shows it: the header is row 1.
        values: What stands in the columns that are read and there, as text.
        kind: What is wrong with the row as a whole, in one or two words; "" if nothing is.
        problem: The same as a phrase.
    """

    row: int
    values: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a file.

    Attributes:
        records: In order; blank lines and comments are left out, but counted.
        notes: Sentences for whoever gave the file.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def read_table(path: Path, columns: Columns) -> Table:
    """The rows of a CSV or Parquet file.

    A CSV may be in UTF-8, UTF-16 or Windows-1252, with commas, semicolons, tabs or bars, with names and values in
    quotes, which may hold separators and newlines, with Excel's first line `sep=;`, with lines of comments (`#`) and an
    index column. Names of columns are read in any case, with blanks or hyphens for underscores.

    Raises:
        UserError: The file can't be read, is no such table, lacks a column or has no rows.
    """
    data = read_bytes(path)
    if data.startswith(b"PAR1") or path.suffix.lower() == ".parquet":
        table = Table(tuple(_parquet(path, data, columns)))
    else:
        table = _csv(path, data, columns)
    if not table.records and not columns.may_be_empty:
        raise UserError(f"{path} has a header and no rows; give each {columns.row} a row")
    return table


def check_table_name(out: Path, setting: str = "out") -> None:
    """Refuse a name for a table to be written, given by `setting`, that promises another format than CSV.

    Raises:
        UserError: It does.
    """
    if out.suffix.lower() != ".csv":
        raise UserError(f"{setting}={out} must be a file whose name ends in .csv, which is what is written")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV in UTF-8, complete or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _csv(path: Path, data: bytes, columns: Columns) -> Table:
    decoded = decode(path, data)
    lines = list(io.StringIO(decoded.text, newline=""))
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if named:
        del lines[0]  # a spreadsheet shows no such row
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(_COMMENT)), None)
    if start is None:
        raise UserError(
            f"{path} is empty; it needs the columns {','.join(columns.needed)} and a row for each {columns.row}"
        )
    separator, header, used = header_of(lines[start : start + _LINES_OF_HEADER], columns, named[1] if named else None)
    _check_columns(path, header, columns)
    places = _places(path, header, _written(lines[start : start + used], separator) if columns.others else (), columns)
    least = 1 + max(header.index(name) for name in columns.needed)
    records = _records(lines, start + used, start + 1, separator, (places, least, len(header)))
    if decoded.damaged:
        records = map(_without_damage, records)
    return Table(tuple(records), (decoded.note,) if decoded.note else ())


def header_of(lines: Sequence[str], columns: Columns, named: str | None) -> tuple[str, list[str], int]:
    """The separator that gives the most of the known columns, all columns, and how many lines their names take.

    Args:
        lines: The file's from its header on.
        columns: Those that are known.
        named: The separator that the file names; None: none.
    """
    best: tuple[tuple[int, int, int], str, list[str], int] | None = None
    for separator in _SEPARATORS if named is None else (named, *_SEPARATORS):
        reader = csv.reader(iter(lines), delimiter=separator, strict=True, skipinitialspace=True)
        try:
            header, used = [column_name(name) for name in next(reader)], reader.line_num
        except csv.Error:  # a quote within, or one that is left open
            header, used = [column_name(name) for name in lines[0].split(separator)], 1
        while header and not header[-1]:  # separators at the end of the line
            header.pop()
        there = set(header)
        worth = (len(there.intersection(columns.needed)), len(there.intersection(columns.optional)), len(header))
        if best is None or worth[:2] > best[0][:2] or (not any(worth[:2]) and worth > best[0]):
            best = worth, separator, header, used
    assert best is not None  # noqa: S101  # there are separators
    return best[1:]


def column_name(name: str) -> str:
    """A column's name as it is looked for."""
    plain = unicodedata.normalize("NFKC", name).strip(" \t\r\n\ufeff\"'").lower()
    return re.sub(r"[\s-]+", "_", plain)


def _check_columns(path: Path, header: Sequence[str], columns: Columns) -> None:
    missing = [name for name in columns.needed if name not in header]
    if missing:
        there = ",".join([name if len(name) < 40 else f"{name[:37]}…" for name in header[:12] if name])
        raise UserError(
            f"{path} has no column {' and no column '.join(missing)}; its first row must name the columns "
            f"{','.join(columns.needed)}, and names {there or 'none'}"
        )
    twice = [name for name in columns.known if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} has the column {twice[0]} twice; keep one")
    odd = [name for name in header if name and name not in columns.known] if columns.closed else []
    if odd:
        raise UserError(f"{path} has the column {odd[0]!r}, which is not known; it may have {','.join(columns.known)}")


def _written(lines: Sequence[str], separator: str) -> list[str]:
    """The names of the columns as they are written, in Unicode's composed form."""
    try:
        names = next(csv.reader(iter(lines), delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:  # as `header_of` reads it
        names = lines[0].split(separator)
    return [unicodedata.normalize("NFC", name.strip(" \t\r\n\ufeff\"'")) for name in names]


def _places(path: Path, header: Sequence[str], written: Sequence[str], columns: Columns) -> Places:
    """The columns that are read, and their places: those that are known, and of the others those that have a name.

    Raises:
        UserError: Two of the others are called the same.
    """
    known = [(name, header.index(name)) for name in columns.known if name in header]
    others = [(name, i) for i, name in enumerate(written[: len(header)]) if name and header[i] not in columns.known]
    names = [name for name, _ in others]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{path} has the column {twice[0]} twice; keep one")
    return [*known, *others]


def _records(
    lines: Sequence[str], start: int, row: int, separator: str, form: tuple[Places, int, int]
) -> Iterator[Record]:
    """The rows from line `start` on, the header being row `row`.

    `form` has the columns that are read, how many values a row has at least, and how many columns there are.
    """
    places, least, width = form
    for values, error in _parsed(lines, start, separator):
        row += 1
        if error:
            yield Record(row, kind="broken row", problem=error)
            continue
        while len(values) > width and not values[-1].strip():  # separators at the end of the row
            values.pop()
        if not any(map(str.strip, values)) or _is_comment(values, width):
            continue
        if least <= len(values) <= width:  # columns that may be missing may be left out at the end
            yield Record(row, {name: values[place] if place < len(values) else "" for name, place in places})
            continue
        count = f"{len(values)} value{'s' if len(values) != 1 else ''}"
        hint = "; quote a text that holds the separator" if len(values) > width else ""
        yield Record(row, kind="ragged row", problem=f"{count} in a table of {width} columns{hint}")


def _is_comment(values: Sequence[str], width: int) -> bool:
    return values[0].startswith(_COMMENT) and len(values) < width and (len(values) == 1 or values[0][1:2] in (" ", ""))


def _parsed(lines: Sequence[str], start: int, separator: str) -> Iterator[tuple[list[str], str]]:
    """(values, what is wrong) of each record.

    A quote that is never closed, or closed by a later row's, would swallow rows: after it, reading goes on with the
    line below the one that it stands in.
    """
    while start < len(lines):
        # strict: a quote within a field means that an earlier one was left open.
        rest = map(lines.__getitem__, range(start, len(lines)))
        reader = csv.reader(rest, delimiter=separator, strict=True, skipinitialspace=True)
        used = 0
        try:
            for values in reader:
                used = reader.line_num
                yield values, ""
            return
        except csv.Error as error:
            reason = str(error)
        start += used + 1
        if "field larger" in reason:
            yield [], "a value of more than 131,072 characters, or a quote that is never closed"
        else:
            yield [], "a quote that is not closed where the value ends; double the quotes within a quoted value"


def _without_damage(record: Record) -> Record:
    """The record, or what is wrong with it where one of its bytes is not of the file's encoding."""
    for value in record.values.values():
        if broken := UNDECODED.search(value):
            problem = f"byte 0x{ord(broken[0]) - 0xDC00:02x} is not UTF-8"
            return Record(record.row, kind="broken row", problem=problem)
    return record


def _parquet(path: Path, data: bytes, columns: Columns) -> Iterator[Record]:
    try:
        names = pq.read_schema(pa.BufferReader(data)).names
        header = [column_name(name) for name in names]
        _check_columns(path, header, columns)
        written = [unicodedata.normalize("NFC", name) for name in names] if columns.others else ()
        there = {name: names[place] for name, place in _places(path, header, written, columns)}
        table = pq.read_table(pa.BufferReader(data), columns=list(there.values()), use_threads=False)
        cells = [[_as_text(value) for value in table[name].to_pylist()] for name in there.values()]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({str(error).splitlines()[0]})") from None
    for row, values in enumerate(zip(*cells, strict=True), start=2):
        yield Record(row, dict(zip(there, values, strict=True)))


def _as_text(value: Any) -> str:
    if value is None or value != value:  # NaN: pandas' for nothing
        return ""
    if isinstance(value, list):
        return "|".join(map(_as_text, value))
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
