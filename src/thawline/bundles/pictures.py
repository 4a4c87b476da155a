"""A picture to be judged: a file, or one in memory as Pillow or NumPy has it."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from thawline.data.photos.photo import read_pixels
from thawline.data.photos.preprocessing import Preprocessing
from thawline.data.photos.resizing import picture_pixels
from thawline.errors import UnusableError, UserError

Photo = str | os.PathLike[str] | Image.Image | NDArray[Any]


def each(pictures: Photo | Iterable[Photo]) -> Iterable[Photo]:
    """Several pictures, or a single one; of an array with four axes the first counts pictures."""
    if isinstance(pictures, str | os.PathLike | Image.Image) or (
        isinstance(pictures, np.ndarray) and pictures.ndim != 4
    ):
        return [pictures]
    return pictures


def name_of(picture: Photo) -> str:
    """What a picture is called: its path, or in memory its size."""
    if isinstance(picture, str | os.PathLike):
        return os.fspath(picture)
    if isinstance(picture, Image.Image):
        return f"picture of {picture.width} x {picture.height}"
    return "array of " + " x ".join(map(str, np.shape(picture)))


def read_picture(picture: Any, how: Preprocessing, max_megapixels: float) -> torch.Tensor:
    """What enters the network for a picture: uint8 [3, size, size], not yet normalised.

    Raises:
        UnusableError: The file, or Pillow's picture of one, can't be used.
        UserError: It is no picture.
    """
    if isinstance(picture, np.ndarray):
        picture = _from_array(picture)
    if isinstance(picture, Image.Image):
        return picture_pixels(picture, how)
    if not isinstance(picture, str | os.PathLike):
        kind = type(picture).__name__
        raise UserError(f"a picture is a path, one of Pillow's images or a NumPy array, and no {kind}")
    return read_pixels(Path(picture), how, max_megapixels)


def picture_of(picture: Photo, how: Preprocessing, max_megapixels: float) -> torch.Tensor:
    """`read_picture` of a picture that must be usable.

    Raises:
        UserError: It is not.
    """
    try:
        return read_picture(picture, how, max_megapixels)
    except UnusableError as error:
        raise UserError(f"{name_of(picture)} can't be used: {error}") from error


def _from_array(array: NDArray[Any]) -> Image.Image:
    """Rows of pixels, uint8: grey [height, width], or [height, width, 1 | 3 | 4]: grey, RGB, RGB and opacity."""
    if array.dtype != np.uint8:
        raise UserError(
            f"an array of {array.dtype} is no picture; give uint8, 0 to 255, such as (255 * array).astype('uint8') of "
            "values from 0 to 1"
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and (array.ndim != 3 or array.shape[2] not in (3, 4)):
        raise UserError(
            f"an array of shape {list(array.shape)} is no picture; give [height, width] in grey or [height, width, 3] "
            "in red, green and blue"
        )
    if not array.size:
        raise UserError(f"an array of shape {list(array.shape)} has no pixels")
    return Image.fromarray(np.ascontiguousarray(array))
