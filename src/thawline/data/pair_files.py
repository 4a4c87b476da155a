"""CSV and Parquet tables of pairs or tracks as plain rows: what a file says, before anything is believed."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from thawline.errors import UserError
from thawline.files import write_text

NEEDED = ("image_path", "text")
OPTIONAL = ("difficulty", "split")

_SEPARATORS = (",", ";", "\t")
# What other programs' files begin with.
_FOREIGN = {
    b"\xff\xfe": "in UTF-16",
    b"\xfe\xff": "in UTF-16",
    b"PK\x03\x04": "a workbook or an archive",
}


@dataclass(frozen=True)
class Columns:
    """The columns that are read, others being ignored.

    Attributes:
        needed: A table without one is refused.
        optional: The others.
        row: What a row holds, for messages.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    row: str = "pair"


@dataclass(frozen=True)
class Record:
    """One row of a file.

    Attributes:
        row: Its number as a spreadsheet shows it: the header is row 1.
        values: What stands in the columns that are known, as text.
        kind: What is wrong with the row as a whole, see `pairs.Finding`; "" if nothing is.
        problem: The same as a phrase.
    """

    row: int
    values: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    problem: str = ""


def read_records(path: Path, *, labels: bool) -> list[Record]:
    """`read_table` of image–text pairs; `labels` says whether a column `label` is needed."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; task=match reads a CSV with the columns image_path,text,label")
    needed, optional = ((*NEEDED, "label"), OPTIONAL) if labels else (NEEDED, ("label", *OPTIONAL))
    return read_table(path, Columns(needed, optional))


def read_table(path: Path, columns: Columns) -> list[Record]:
    """The rows of a CSV (comma, semicolon or tab; UTF-8) or Parquet file; blank lines are left out but counted.

    Args:
        path: The file.
        columns: Which to read.

    Raises:
        UserError: The file can't be read, is no such table, lacks a column or has no rows.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; check the path") from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}") from None
    read = _parquet if data.startswith(b"PAR1") or path.suffix.lower() == ".parquet" else _csv
    records = list(read(path, data, columns))
    if not records:
        raise UserError(f"{path} has a header and no rows; give each {columns.row} a row")
    return records


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV in UTF-8, complete or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _csv(path: Path, data: bytes, columns: Columns) -> Iterator[Record]:
    lines = list(io.StringIO(_decoded(path, data), newline=""))
    start = next((i for i, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise UserError(
            f"{path} is empty; it needs the columns {_listed(columns.needed)} and a row for each {columns.row}"
        )
    separator, header = _header(lines[start], columns.needed)
    _check_columns(path, header, columns)
    row = start + 1
    for values, error in _parsed(lines, start + 1, separator):
        row += 1
        if error:
            yield Record(row, kind="broken row", problem=error)
        elif any(value.strip() for value in values):
            yield _record(row, header, values, columns)


def _decoded(path: Path, data: bytes) -> str:
    foreign = next((what for start, what in _FOREIGN.items() if data.startswith(start)), None)
    if foreign is None and data[:4096].count(0) > len(data[:4096]) // 8:
        foreign = "not text"
    if foreign:
        raise UserError(f"{path} is {foreign}, not a table in UTF-8; save it as CSV UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not in UTF-8 (line {line}: byte 0x{data[error.start]:02x}); save it as CSV UTF-8"
        ) from None


def _header(line: str, needed: Sequence[str]) -> tuple[str, list[str]]:
    """The separator that gives the most of the columns that are needed, and all columns."""

    def split(separator: str) -> list[str]:
        return [name.strip().strip('"').strip().lower() for name in line.strip("\r\n").split(separator)]

    best = max(_SEPARATORS, key=lambda separator: len(set(split(separator)).intersection(needed)))
    return best, split(best)


def _check_columns(path: Path, header: Sequence[str], columns: Columns) -> None:
    missing = [name for name in columns.needed if name not in header]
    if missing:
        there = _listed([name if len(name) < 40 else f"{name[:37]}…" for name in header[:12] if name])
        raise UserError(
            f"{path} has no column {' and no column '.join(missing)}; its first row must name the columns "
            f"{_listed(columns.needed)}, and names {there or 'none'}"
        )
    twice = [name for name in (*columns.needed, *columns.optional) if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} has the column {twice[0]} twice; keep one")


def _parsed(lines: Sequence[str], start: int, separator: str) -> Iterator[tuple[list[str], str]]:
    """(values, what is wrong) of each record.

    A quote that is never closed, or closed by a later row's, would swallow rows: after it, reading goes on with the
    line below the one that it stands in.
    """
    while start < len(lines):
        # strict: a quote within a field means that an earlier one was left open.
        rest = (lines[i] for i in range(start, len(lines)))
        reader = csv.reader(rest, delimiter=separator, strict=True)
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


def _record(row: int, header: Sequence[str], values: list[str], columns: Columns) -> Record:
    while len(values) > len(header) and not values[-1].strip():  # separators at the end of the row
        values.pop()
    if len(values) != len(header):
        count = f"{len(values)} value{'s' if len(values) != 1 else ''}"
        hint = "; quote a text that holds the separator" if len(values) > len(header) else ""
        return Record(row, kind="ragged row", problem=f"{count} in a table of {len(header)} columns{hint}")
    known = dict(zip(header, values, strict=True))
    return Record(row, {name: known[name] for name in (*columns.needed, *columns.optional) if name in known})


def _parquet(path: Path, data: bytes, columns: Columns) -> Iterator[Record]:
    try:
        names = pq.read_schema(pa.BufferReader(data)).names
        _check_columns(path, names, columns)
        wanted = [name for name in (*columns.needed, *columns.optional) if name in names]
        table = pq.read_table(pa.BufferReader(data), columns=wanted, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path} is not a whole Parquet file ({str(error).splitlines()[0]})") from None
    for row, values in enumerate(table.to_pylist(), start=2):
        yield Record(row, {name: _as_text(value) for name, value in values.items()})


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)


def _listed(names: Sequence[str]) -> str:
    return ",".join(names)
