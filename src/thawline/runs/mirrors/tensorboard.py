"""TensorBoard as a mirror of the run directory: event files in `tensorboard/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from thawline.errors import UserError
from thawline.runs.mirrors.mirror import MOST_CLASSES, Cell, draw_confusion, epoch_key, flat, thumbnail

FOLDER = "tensorboard"


class TensorBoardMirror:
    """The event files of one execution. A run that is resumed adds another file to the folder.

    TensorBoard knows neither groups nor tags nor exit codes; a killed run leaves every row that it reached.
    """

    def __init__(self, writer: Any, config: Mapping[str, Any]) -> None:
        self._writer = writer
        self._config = config
        self._writer.add_text("config", _verbatim(OmegaConf.to_yaml(OmegaConf.create(dict(config)))))

    def history(self, row: Mapping[str, float]) -> None:
        """Add the scalars at the row's epoch."""
        axis = epoch_key(row)
        step = None if axis is None else int(row[axis])
        for key, value in row.items():
            if key != axis:
                self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def summary(self, values: Mapping[str, float]) -> None:
        """State the end results, as scalars and beside the settings in the tab HPARAMS."""
        from torch.utils.tensorboard.summary import hparams

        # `add_hparams` would write them as a run of its own, under another name.
        for event in hparams(flat(self._config), dict(values)):  # type: ignore[no-untyped-call]
            self._writer.file_writer.add_summary(event)
        for key, value in values.items():
            self._writer.add_scalar(key, value, 0)

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Show the confusion matrix as a picture."""
        if len(classes) <= MOST_CLASSES:
            self._writer.add_image("confusion", draw_confusion(counts, classes), dataformats="HWC")

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Show the thumbnails, and their captions as a text: TensorBoard's pictures have none."""
        for index, (path, _) in enumerate(pictures):
            self._writer.add_image(f"mistakes/{index}", np.asarray(thumbnail(path)), dataformats="HWC")
        captions = "\n".join(f"{index}: {caption}" for index, (_, caption) in enumerate(pictures))
        if pictures:
            self._writer.add_text("mistakes", _verbatim(captions))

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        """Show the table as a text; its tab HPARAMS draws parallel coordinates of runs by itself."""
        lines = [columns, *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
        self._writer.add_text("trials", _verbatim("\n".join("\t".join(line) for line in lines)))

    def finish(self, status: str) -> None:
        """Write what is left and close the file; how a run ended TensorBoard does not know."""
        self._writer.close()


def start_tensorboard(directory: Path, config: Mapping[str, Any]) -> TensorBoardMirror:
    """Open an event file under `directory`.

    Raises:
        UserError: The package `tensorboard` is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError(
            "logger=tensorboard needs the package tensorboard; pip install 'thawline[tensorboard]'"
        ) from error
    return TensorBoardMirror(SummaryWriter(directory / FOLDER), config)


def _verbatim(text: str) -> str:
    """The text as a block of code: TensorBoard reads texts as Markdown."""
    return "".join(f"    {line}\n" for line in text.splitlines())
