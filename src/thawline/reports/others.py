"""Another system's predictions, from a CSV file: a cloud vision API's, say."""

import csv
import io
import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from thawline.errors import UserError
from thawline.files import printable
from thawline.reports.comparison import Entry

COLUMNS = ("path", "prediction")
PRICE = "price_per_1000"


def read_other(file: Path, run: Entry) -> Entry:
    """Another system's predictions for samples that `run` judged, as an entry beside it.

    It is judged on the samples that both have; how many either has alone stands in its notes.

    Args:
        file: CSV with the columns `path` (as in the run's predictions), `prediction` (a class), and perhaps
            `price_per_1000` (one number for all rows).
        run: A run whose samples it is judged on, and whose baseline it is tested against.

    Raises:
        UserError: The file is no such table, a photo stands twice, a class is unknown, or no sample is shared.
    """
    if run.predictions.tags is not None:
        raise UserError(
            f"the samples of {run.name} can have several classes, and {file} says one of each; leave the file out"
        )
    rows = _read(file)
    twice = [path for path, count in Counter(row["path"] for row in rows).items() if count > 1]
    if twice:
        raise UserError(f"{file} has more than one row for {_some(twice)}; leave one for each photo")
    predictions = run.predictions
    said = {row["path"]: row["prediction"] for row in rows}
    judged = set(predictions.paths)
    shared = np.array([i for i, path in enumerate(predictions.paths) if path in said], dtype=np.int64)
    if not len(shared):
        raise UserError(
            f"{file} has no row for a photo that {run.name} judged; paths are written as in the run, "
            f"such as '{predictions.paths[0]}', not '{rows[0]['path']}'"
        )
    classes = {name: i for i, name in enumerate(predictions.classes)}
    if strange := sorted({name for path, name in said.items() if path in judged and name not in classes}):
        raise UserError(
            f"{file} says {_some(strange)}, which the run does not know; it has {_some(classes, most=30)}: "
            "put its classes in their place"
        )
    mine, name = predictions.subset(shared), printable(file.stem)
    numbers = np.array([classes[said[path]] for path in mine.paths], dtype=np.int64)
    return Entry(
        name=name,
        label=name,
        method="another system",
        encoder="",
        baseline=run.baseline,
        directories=(),
        config={},
        predictions=replace(mine, probabilities=np.eye(len(classes), dtype=np.float32)[numbers]),
        photos=run.photos,
        certain=False,
        price=_price(file, rows),
        notes=tuple(_notes(printable(file.name), len(judged - said.keys()), len(judged), len(said.keys() - judged))),
    )


def _read(file: Path) -> list[dict[str, str]]:
    """The rows, of a table with commas or, as spreadsheets write it in much of Europe, with semicolons."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = ";" if ";" in first and "," not in first else ","
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = list(reader)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {file} of another system's predictions") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} is no CSV file in UTF-8 ({error}); save it as one") from error
    if lacking := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise UserError(f"{file} lacks the column '{lacking[0]}'; it needs path,prediction and may have {PRICE}")
    if not rows:
        raise UserError(f"{file} has no rows; it needs one for each photo")
    for number, row in enumerate(rows, start=1):
        if not row["path"] or not row["prediction"]:
            raise UserError(f"row {number} of {file} lacks its {'prediction' if row['path'] else 'path'}")
        if None in row:
            raise UserError(
                f"row {number} of {file} has more cells than the table has columns; quote what holds commas"
            )
    return rows


def _price(file: Path, rows: Sequence[dict[str, str]]) -> float | None:
    given = sorted({(row.get(PRICE) or "").strip() for row in rows})
    if given == [""]:
        return None
    try:
        (price,) = {float(one.replace(",", ".")) for one in given}
    except ValueError as error:
        raise UserError(f"{PRICE} in {file} must be one number, the same in all rows, but is {_some(given)}") from error
    if not math.isfinite(price) or price < 0:
        raise UserError(f"{PRICE} in {file} is {given[0]}; it must be a number of at least 0")
    return price


def _notes(file: str, lacking: int, judged: int, besides: int) -> list[str]:
    notes = []
    if lacking:
        notes.append(f"{file} has no row for {lacking:,} of {judged:,} judged photos; it is compared on the others.")
    if besides:
        notes.append(f"Rows of {file} about photos that no run judged do not count: {besides:,}.")
    return notes


def _some(names: Collection[str], most: int = 3) -> str:
    """The first names, and how many there are besides."""
    first = ", ".join(f"'{name}'" for name in list(names)[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"
