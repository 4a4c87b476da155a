"""The course of one training, epoch by epoch, in a CSV file and in W&B alike."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thawline.files import write_text
from thawline.fitting.lightning.callbacks.monitors import monitors_of
from thawline.fitting.lightning.imported import L
from thawline.runs.mirrors.loggers import Mirror
from thawline.runs.reading import reading

HISTORY = "history.csv"
COLUMNS = ("epoch", "train_loss", "inner_loss", "inner_accuracy")


class History(L.Callback):
    """Appends a row an epoch. A resumed training drops the rows of epochs that it repeats."""

    def __init__(self, path: Path, mirror: Mirror | None) -> None:
        """Keep where to: `mirror` gets the same rows, under the name of the fold."""
        self._path = path
        self._mirror = mirror
        self._columns: Sequence[str] = COLUMNS

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the rows before the epoch that training starts with."""
        if not trainer.is_global_zero:
            return
        self._columns = [*COLUMNS, *(name for each in monitors_of(trainer) for name in each.names(trainer))]
        rows = [row for row in read_history(self._path) if int(row["epoch"]) < trainer.current_epoch]
        write_history(self._path, rows, self._columns)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Append this epoch's row."""
        # Before the others leave: what is logged is reduced over all processes when it is asked for.
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name in COLUMNS}
        if not trainer.is_global_zero:
            return
        figures = [figure for each in monitors_of(trainer) for figure in each.figures()]
        row = {
            "epoch": trainer.current_epoch,
            **metrics,
            **dict(zip(self._columns[len(COLUMNS) :], figures, strict=True)),
        }
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)
        if self._mirror is not None:
            fold = self._path.parent.name
            self._mirror.history({f"{fold}/{name}": value for name, value in row.items()})


def write_history(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> None:
    """Write a history file of `rows`, each with what `columns` name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def send_history(mirror: Mirror, fold: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give a mirror rows of the history of `fold` afterwards."""
    for row in rows:
        numbers = {
            name: float(value) if isinstance(value, str) else value for name, value in row.items() if value != ""
        }
        mirror.history({f"{fold}/{name}": value for name, value in numbers.items()})


class Watched(L.Callback):
    """Tells somebody each epoch's inner loss, who may end the training by raising an exception."""

    def __init__(self, watch: Callable[[int, float], None]) -> None:
        """Keep who is told the epoch, from 0, and the loss."""
        self._watch = watch

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Tell."""
        self._watch(trainer.current_epoch, float(trainer.callback_metrics["inner_loss"]))


def read_history(path: Path) -> list[dict[str, str]]:
    """The rows of a history file; none where there is no file.

    Raises:
        UserError: The file is damaged.
    """
    if not path.exists():
        return []
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        if "epoch" not in (reader.fieldnames or ()):
            raise ValueError("it has no header")
        for row in rows:
            int(row["epoch"])
    return rows
