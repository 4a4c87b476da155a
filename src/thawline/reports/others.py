"""Another system's predictions, from a table: a cloud vision API's, say."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from thawline.data.pairs.labels import CLASSES, match_label
from thawline.data.tables.places import match_names, moved_note, one_form
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.files import printable
from thawline.reports.comparison import Entry

PRICE, CURRENCY = "price_per_1000", "currency"
COLUMNS = Columns(("path", "prediction"), (PRICE, CURRENCY), row="sample")


def read_other(file: Path, run: Entry) -> Entry:
    """Another system's predictions for samples that `run` judged, as an entry beside it.

    It is judged on the samples that both have; how many either has alone stands in its notes.

    Args:
        file: CSV with the columns `path` (as in the run's predictions), `prediction` (a class), and perhaps
            `price_per_1000` (one number for all rows) and its `currency`.
        run: A run whose samples it is judged on, and whose baseline it is tested against.

    Raises:
        UserError: The file is no such table, a sample stands twice, a class is unknown, or no sample is shared.
    """
    if run.predictions.tags is not None:
        raise UserError(
            f"the samples of {run.name} can have several classes, and {file} says one of each; leave the file out"
        )
    table = read_table(file, COLUMNS)
    predictions = run.predictions
    classes = {name: i for i, name in enumerate(predictions.classes)}
    said, means = _said(file, table.records, run)
    shared = np.array([i for i, path in enumerate(predictions.paths) if path in said], dtype=np.int64)
    if not len(shared):
        raise UserError(
            f"{file} has no row for any of the {run.kind} that {run.name} judged; paths are written as in the run, "
            f"such as '{predictions.paths[0]}', not '{table.records[0].values['path']}'"
        )
    if strange := sorted({name for name in said.values() if name not in classes}):
        raise UserError(
            f"{file} says {_some(strange)}, which the run does not know; it has {_some(classes, most=30)}: "
            "put its classes in their place"
        )
    judged = set(predictions.paths)
    besides = {record.values["path"] for record in table.records} - means.keys()
    notes = [*table.notes, *moved_note(file.name, means)]
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
        kind=run.kind,
        photos=run.photos,
        pairs=run.pairs,
        certain=False,
        price=_price(file, table.records),
        currency=_currency(file, table.records),
        notes=(
            *map(printable, notes),
            *_notes(printable(file.name), len(judged - said.keys()), len(judged), len(besides), run.kind),
        ),
    )


def _said(file: Path, records: Sequence[Record], run: Entry) -> tuple[dict[str, str], dict[str, str]]:
    """What is said of each sample that the run judged, by its name there, and the samples that paths mean.

    Raises:
        UserError: A row can't be read, or a sample has several.
    """
    for record in records:
        lacking = [name for name in COLUMNS.needed if not record.values.get(name, "").strip()]
        if record.kind or lacking:
            raise UserError(f"row {record.row} of {file}: {record.problem or f'it lacks its {lacking[0]}'}")
    renamed = dict(run.config.get("data.rename") or ())
    means = match_names([record.values["path"] for record in records], run.predictions.paths, run.photos)
    said: dict[str, str] = {}
    twice: list[str] = []
    for record in records:
        name = means.get(record.values["path"])
        if name is not None:
            twice += [name] if name in said else []
            said[name] = _class(record.values["prediction"], run.predictions.classes, renamed)
    if twice:
        raise UserError(f"{file} has more than one row for {_some(dict.fromkeys(twice))}; leave one for each")
    return said, means


def _class(cell: str, classes: Sequence[str], renamed: Mapping[str, str]) -> str:
    """The class that a cell names: in one Unicode form, by its name of before too, and of pairs as numbers too."""
    cell = one_form(cell.strip())
    cell = renamed.get(cell, cell)
    name = next((name for name in classes if one_form(name) == one_form(cell)), None)
    if name is None and set(classes) == set(CLASSES) and (label := match_label(cell)) is not None:
        return CLASSES[label]
    return name or cell


def _price(file: Path, records: Sequence[Record]) -> float | None:
    given = sorted({record.values.get(PRICE, "").strip() for record in records})
    if given == [""]:
        return None
    try:
        (price,) = {float(one.replace(",", ".")) for one in given}
    except ValueError as error:
        raise UserError(f"{PRICE} in {file} must be one number, the same in all rows, but is {_some(given)}") from error
    if not math.isfinite(price) or price < 0:
        raise UserError(f"{PRICE} in {file} is {given[0]}; it must be a number of at least 0")
    return price


def _currency(file: Path, records: Sequence[Record]) -> str:
    given = sorted({record.values.get(CURRENCY, "").strip() for record in records})
    if len(given) > 1:
        raise UserError(f"{CURRENCY} in {file} must be the same in all rows, but is {_some(given)}")
    if given[0] and _price(file, records) is None:
        raise UserError(f"{file} has a {CURRENCY} and no {PRICE}; add that, or leave the {CURRENCY} out")
    return printable(given[0])


def _notes(file: str, lacking: int, judged: int, besides: int, kind: str) -> list[str]:
    notes = []
    if lacking:
        notes.append(f"{file} has no row for {lacking:,} of {judged:,} judged {kind}; it is compared on the others.")
    if besides:
        notes.append(f"Rows of {file} left out, as no run judged their {kind}: {besides:,}.")
    return notes


def _some(names: Collection[str], most: int = 3) -> str:
    """The first names, and how many there are besides."""
    first = ", ".join(f"'{name}'" for name in list(names)[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"
