"""`thawline predict` with a bundle that gives scores: a line for each photo, with its score."""

import csv
import io
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from thawline.data.listing import as_text
from thawline.data.walking import walk_photos
from thawline.errors import UserError
from thawline.files import write_atomically
from thawline.screen import format_number, visible
from thawline.tasks.bundle.predicting import PredictSettings
from thawline.tasks.bundle.tally import Tally
from thawline.tasks.photos.bundle.photos import Prediction, ScoreBundle
from thawline.tasks.photos.bundle.said import ROW_GROUP

_SCORED = "scored"  # what the photos are counted under that have a score
_FIELDS = ("path", "score", "problem")


def predict_scores(
    bundle: ScoreBundle,
    settings: PredictSettings,
    paths: Iterator[str],
    counts: Tally,
    advance: Callable[[int], None] | None,
) -> Sequence[str]:
    """Write the score of each photo; see `tasks.capabilities.TaskPredictor`.

    Raises:
        UserError: Calibrated probabilities are asked for.
    """
    if settings.calibrated:
        raise UserError(f"the bundle {bundle.path} gives scores, which have no temperature; leave out calibrated=true")
    bundle.max_megapixels = settings.data.max_megapixels
    with closing(_scored(bundle, paths, counts, advance)) as said:
        if settings.out is None:
            _show(said) if sys.stdout.isatty() else _write_lines(said, sys.stdout.buffer)
        else:
            target = Path(settings.out)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, lambda beside: _write(said, beside, target.suffix.lower()))
    return (_SCORED,)


def _scored(
    bundle: ScoreBundle, paths: Iterator[str], counts: Tally, advance: Callable[[int], None] | None
) -> Generator[Prediction, None, None]:
    unopened: dict[str, str] = {}
    for one in bundle.predict(walk_photos(paths, unopened)):
        counts.add_unusable() if one.score is None else counts.add(_SCORED)
        if advance is not None:
            advance(1)
        yield replace(one, problem=unopened[one.path]) if one.path in unopened else one


def _write(said: Iterable[Prediction], path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        _write_parquet(said, path)
        return
    with path.open("wb") as file:
        _write_csv(said, file) if suffix == ".csv" else _write_lines(said, file)


def _row(one: Prediction) -> dict[str, Any]:
    # Bundles compute in single precision: the fewest digits that give it back.
    score = None if one.score is None else float(str(np.float32(one.score)))
    return {"path": as_text(one.path), "score": score, "problem": one.problem}


def _write_lines(said: Iterable[Prediction], file: IO[bytes]) -> None:
    for one in said:
        file.write(json.dumps(_row(one), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        file.flush()


def _write_csv(said: Iterable[Prediction], file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_row, said))
    text.detach()


def _write_parquet(said: Iterable[Prediction], path: Path) -> None:
    schema = pa.schema([("path", pa.string()), ("score", pa.float32()), ("problem", pa.string())])
    rows = iter(said)
    with pq.ParquetWriter(path, schema) as writer:
        while group := [_row(one) for one in islice(rows, ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema))


def _show(said: Iterable[Prediction]) -> None:
    """A line for each photo as soon as it is there; the path comes last and is never cut."""
    console = Console()
    console.print("     score  photo", highlight=False, markup=False)
    for one in said:
        number = "-" if one.score is None else format_number(one.score)
        why = "" if one.problem is None else f": {one.problem}"
        console.print(f"{number:>10}  {visible(as_text(one.path))}{why}", highlight=False, markup=False, soft_wrap=True)
