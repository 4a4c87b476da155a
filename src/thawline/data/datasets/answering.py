"""A data set that is judged row by row, and written back with what was said of each row."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from thawline.data.datasets.opening import open_splits
from thawline.data.datasets.settings import FOLDER, SAVED, DatasetSettings, Fields
from thawline.data.datasets.unpacking import unpack
from thawline.errors import UserError
from thawline.files import write_atomically, write_folder

PREFIX = "prediction_"  # of the columns of what was said
_GIVEN = ("path", "file", "row", "image_path", "text")  # what a line repeats of what was asked about
_BATCH = 100  # rows that Parquet has in one group: photos are large


@dataclass(frozen=True)
class JudgedRows:
    """The rows of a data set, as they can be asked about.

    Attributes:
        path: The data set.
        wanted: What is read of it.
        store: The feature store, below which its files lie.
        table: The table of its files and of what is asked about them.
        files: The file of each row, one after another; of a row without any a name that is none.
    """

    path: str
    wanted: DatasetSettings
    store: Path
    table: Path
    files: tuple[str, ...]

    @contextmanager
    def saving(self, out: Path) -> Iterator[Path]:
        """Within, the lines that are said of the rows are written to the file given; then all is saved as `out`.

        Args:
            out: A file whose name ends in .parquet, or a folder as `save_to_disk` writes it.

        Raises:
            UserError: The data set can't be saved so; nothing has been judged yet.
        """
        with open_splits(self.path, self.wanted, self.store / FOLDER) as splits, TemporaryDirectory() as scratch:
            self._check(splits, out)
            lines = Path(scratch) / "said.jsonl"
            yield lines
            _save(splits, _said(lines), out)

    def _check(self, splits: Mapping[str, Any], out: Path) -> None:
        """Can the rows be saved with further columns?"""
        taken = [name for split in splits.values() for name in split.column_names if name.startswith(PREFIX)]
        if taken:
            raise UserError(f"{self.path} has the column '{taken[0]}' of an earlier prediction; leave that out of it")
        if out.suffix.lower() == ".parquet":
            if len(splits) > 1:
                raise UserError(
                    f"out={out} holds one split, and {self.path} has {', '.join(splits)}; choose one by "
                    "data.dataset.splits=[…], or give out= the name of a folder"
                )
            return
        if out.exists() and not any((out / name).is_file() for name in SAVED):
            raise UserError(f"out={out} is there and is no data set; give the name of a new folder")
        if out.absolute() == Path(self.path).expanduser().absolute():
            raise UserError(f"out={out} is the data set that is judged; give the name of another folder")
        absent = [file for file in self.files if not Path(file).is_file()]
        if absent:
            raise UserError(
                f"{len(absent):,} rows of {self.path} name files that are not there, such as {absent[0]}, and a saved "
                "data set holds its files; out=FILE.parquet keeps their names"
            )


def rows_to_judge(path: str, wanted: DatasetSettings, fields: Fields, store: Path) -> JudgedRows:
    """The rows of a data set with what a bundle is asked about each: its file, and of pairs its text.

    Raises:
        UserError: The data set, a split or a column is not there, or can't be used.
    """
    asked = replace(
        fields,
        columns={name: fields.columns[name] for name in fields.asked},
        numbered="",
        judged=True,
    )
    table = unpack(path, wanted, asked, store, fields.asked)
    folder = table.parent
    names = pq.read_table(table, columns=[asked.path])[asked.path].to_pylist()
    files = (folder / name if name else folder / f"row {i} has no file" for i, name in enumerate(names))
    return JudgedRows(path, wanted, store, table, tuple(map(str, files)))


def _said(lines: Path) -> dict[str, list[Any]]:
    """The lines as columns: one a field, one a class where a field has a number for each; deeper nesting as JSON."""
    rows = [_flat(json.loads(line)) for line in lines.read_text(encoding="utf-8").splitlines()]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _flat(line: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in line.items():
        if name in _GIVEN:
            continue
        if isinstance(value, dict) and value and all(isinstance(one, float | int) for one in value.values()):
            flat |= {f"{PREFIX}{name}:{label}": one for label, one in value.items()}
        else:
            flat[f"{PREFIX}{name}"] = value
    return flat


def _column(values: Sequence[Any]) -> list[Any]:
    """Lists of texts as they are, empty ones among them; what is nested otherwise as JSON."""
    nested = [value for value in values if isinstance(value, list | dict)]
    if all(isinstance(value, list) and all(isinstance(one, str) for one in value) for value in nested):
        return list(values)
    return [json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value for value in values]


def _feature(values: Sequence[Any]) -> Any:
    """The type of a column."""
    from datasets import List, Value

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return Value("bool" if kinds else "string")
    if kinds <= {float, int}:
        return Value("float64")
    return List(Value("string")) if kinds == {list} else Value("string")


def _save(splits: Mapping[str, Any], said: Mapping[str, list[Any]], out: Path) -> None:
    import datasets

    features = {name: _feature(values) for name, values in said.items()}
    made, start = {}, 0
    for name, split in splits.items():
        end, rows = start + len(split), split
        for column, values in said.items():
            rows = rows.add_column(column, values[start:end], feature=features[column])
        made[name], start = rows, end
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".parquet":
        (only,) = made.values()
        # Without its size the library would look at each file that a row names, on the network too.
        write_atomically(out, partial(only.to_parquet, batch_size=_BATCH))
        return
    saved = datasets.DatasetDict(made) if len(made) > 1 else next(iter(made.values()))
    write_folder(out, saved.save_to_disk)
