"""What a bundle said of photos, as JSON lines, Parquet or a table; each is written while photos are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.console import Console

from thawline.data.listing import as_text
from thawline.decisions.abstention import UNKNOWN
from thawline.screen import visible
from thawline.tasks.photos.bundle.photos import Prediction
from thawline.tasks.tags.column import HEADING, tags_cell

ROW_GROUP = 4096  # rows of Parquet that are in memory


def write_json_lines(
    said: Iterable[Prediction],
    file: IO[bytes],
    more: Mapping[str, str],
    scored: str | None = None,
    *,
    unknown: bool = False,
) -> None:
    """Write a line for each photo as soon as it is there, with the fields `more` on each.

    Where there is a label `scored`, its probability is the field `score`. Where photos can be `unknown`, `why` says why
    one is, and `distance` how far it lies from the classes, if that is known.
    """
    for one in said:
        probabilities = {label: _short(value) for label, value in one.probabilities.items()}
        line = {
            "path": as_text(one.path),
            "label": one.label,
            "probability": None if one.label is None else max(probabilities.values()),
            **({} if one.tags is None else {"tags": list(one.tags)}),
            **({} if scored is None else {"score": probabilities.get(scored)}),
            **({"why": one.why, "distance": one.distance} if unknown else {}),
            "probabilities": probabilities or None,
            "problem": one.problem,
            **more,
        }
        file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        file.flush()


def write_parquet(
    said: Iterable[Prediction],
    path: Path,
    labels: Sequence[str],
    more: Mapping[str, str],
    scored: str | None = None,
    *,
    several: bool = False,
    unknown: bool = False,
) -> None:
    """Write a row for each photo, some thousands at a time, with the columns `more` on each, and `score` if any.

    Where a photo can have `several` labels, those that reach their thresholds are the column `tags`. Where photos can
    be `unknown` there are the columns `why` and `distance`.
    """
    names = [f"probability:{label}" for label in labels]
    texts = ["path", "label", "problem", *(["why"] if unknown else [])]
    schema = pa.schema(
        [
            *((name, pa.string()) for name in texts),
            ("probability", pa.float32()),
            *((("tags", pa.list_(pa.string())),) if several else ()),
            *((("distance", pa.float64()),) if unknown else ()),
            *((("score", pa.float32()),) if scored is not None else ()),
            *((name, pa.float32()) for name in names),
            *((name, pa.string()) for name in more),
        ]
    )
    rows = iter(said)
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(rows, ROW_GROUP)):
            columns: dict[str, Any] = {name: [getattr(one, name) for one in group] for name in texts}
            columns["path"] = [as_text(one.path) for one in group]
            values = np.stack([_row(one, labels) for one in group])  # NaN where there is none
            unusable = np.isnan(values[:, 0])
            columns["probability"] = pa.array(values.max(axis=1), mask=unusable)
            columns |= {name: pa.array(values[:, i], mask=unusable) for i, name in enumerate(names)}
            if several:
                columns["tags"] = [one.tags if one.problem is None else None for one in group]
            if unknown:
                columns["distance"] = [one.distance for one in group]
            if scored is not None:
                columns["score"] = columns[f"probability:{scored}"]
            columns |= {name: [value] * len(group) for name, value in more.items()}
            writer.write_table(pa.table(columns, schema))


def _row(one: Prediction, labels: Sequence[str]) -> NDArray[np.float32]:
    return np.array([one.probabilities.get(label, np.nan) for label in labels], dtype=np.float32)


def print_said(
    said: Iterable[Prediction],
    console: Console,
    labels: Sequence[str],
    scored: str | None = None,
    *,
    several: bool = False,
    unknown: bool = False,
) -> None:
    """Print a line for each photo as soon as it is there; the path comes last and is never cut.

    Its number is the probability of its label, or where photos have a score that of the label `scored`. Where a photo
    can have `several` labels, those that reach their thresholds stand behind it. Where photos can be `unknown`, the
    reason follows the path.
    """
    width = max(cell_len(visible(label)) for label in (*labels, *([UNKNOWN] if unknown else [])))
    head = "    %" if scored is None else "score"
    middle = f"{HEADING}  " if several else ""
    console.print(f"{set_cell_size('label', width)}  {head}  {middle}photo", highlight=False, markup=False)
    for one in said:
        if one.label is None:
            middle = f"{tags_cell(())}  " if several else ""
            text = f"{set_cell_size('-', width)}      -  {middle}{visible(as_text(one.path))}: {one.problem}"
        else:
            number = one.probabilities[scored] if scored else one.probability or 0.0
            share = f"{100 * number:5.1f}"
            middle = f"{tags_cell(one.tags or ())}  " if several else ""
            path = visible(as_text(one.path)) + ("" if one.why is None else f": {one.why}")
            text = f"{set_cell_size(visible(one.label), width)}  {share}  {middle}{path}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _short(value: float) -> float:
    """A float32 by the fewest digits that give it back."""
    return float(str(np.float32(value)))
