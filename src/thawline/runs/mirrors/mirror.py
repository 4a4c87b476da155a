"""What it takes to mirror a run elsewhere, and what such mirrors need: settings by dotted names, pictures."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError

THUMBNAIL_SIDE = 256
# A larger matrix can't be read, and W&B would cut its table off without a word.
MOST_CLASSES = 100
FEW_CLASSES = 30  # whose counts are written into the picture
Cell = str | float | None  # of a table


class Mirror(Protocol):
    """One thing that mirrors a run. The run directory is the truth; a mirror may fail, and the run goes on."""

    def history(self, row: Mapping[str, float]) -> None:
        """Add the scalars of one epoch, such as {"fold0/epoch": 3, "fold0/train_loss": 0.2}."""

    def summary(self, values: Mapping[str, float]) -> None:
        """State the end results."""

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """Show the confusion matrix, [true, said], unless there are more than `MOST_CLASSES` classes."""

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Show photos, each with its caption, as thumbnails. Photos of people are private: only call when asked to."""

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        """Show a sweep's trials as a table, and its `picture`, an HTML page, where a mirror shows such."""


class Several:
    """Passes all on to several mirrors."""

    def __init__(self, *mirrors: Mirror | None) -> None:
        """Pass on to `mirrors`; None among them: where nothing mirrors."""
        self._mirrors = [one for one in mirrors if one is not None]

    def history(self, row: Mapping[str, float]) -> None:
        """An epoch's scalars."""
        for one in self._mirrors:
            one.history(row)

    def summary(self, values: Mapping[str, float]) -> None:
        """The end results."""
        for one in self._mirrors:
            one.summary(values)

    def confusion(self, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
        """The confusion matrix."""
        for one in self._mirrors:
            one.confusion(counts, classes)

    def mistakes(self, pictures: Sequence[tuple[Path, str]]) -> None:
        """Photos with captions."""
        for one in self._mirrors:
            one.mistakes(pictures)

    def trials(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], picture: str | None) -> None:
        """A sweep's trials."""
        for one in self._mirrors:
            one.trials(columns, rows, picture)


def epoch_key(row: Mapping[str, float]) -> str | None:
    """The name of the row's epoch, such as `fold0/epoch`; None where it has none."""
    return next((key for key in row if key.rpartition("/")[2] == "epoch"), None)


def thumbnail(path: Path) -> Image.Image:
    """The photo upright and at most `THUMBNAIL_SIDE` pixels long: new pixels, without the file's EXIF, place included.

    Raises:
        UnusableError: The file can't be read, or is no photo that can be decoded.
    """
    try:
        picture = read_upright(path, 2 * THUMBNAIL_SIDE)
    except UnusableError as error:
        raise UnusableError(f"{path}: {error}") from error
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return picture


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str | bool | int | float]:
    """The settings by dotted names, with values that loggers take."""
    found: dict[str, str | bool | int | float] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, str | bool | int | float) else str(value)
    return found


def draw_confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> NDArray[np.uint8]:
    """The confusion matrix as pixels, [height, width, 3]; `reports/pictures.py` draws the one for the run directory."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 3 + 0.3 * len(classes)
    # A "$" in a class's name starts no formula, and a script that no font has is no news to whoever started the run.
    with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(side, side), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.set_xticks(range(len(classes)), classes, rotation=90)
        axes.set_yticks(range(len(classes)), classes)
        for row, column in np.argwhere(counts > 0) if len(classes) <= FEW_CLASSES else ():
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
        canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
        canvas.draw()
    pixels: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3]
    return pixels
