"""What it takes to mirror a run elsewhere, and what every such mirror needs: a row's epoch, a photo made small."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError

THUMBNAIL_SIDE = 256
# A larger matrix can't be read, and W&B would cut its table off without a word.
MOST_CLASSES = 100
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
