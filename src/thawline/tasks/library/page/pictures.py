"""Small pictures of faces, as data URLs."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thawline.data.photos.photo import read_upright
from thawline.errors import UnusableError

SIDE: Final = 96  # px
_AROUND = 0.35  # of a face's size: what is shown around it
_REDUCED = 4 * SIDE  # px that a photo without a known face may be reduced to while it is decoded


class Pictures:
    """Pictures of faces, in the photos where they are."""

    def __init__(self, photos: Mapping[str, Path]) -> None:
        """Take the photo of each entry that has one."""
        self._photos = photos

    def of(self, entry: str, look: NDArray[np.float32]) -> str | None:
        """The face at `look` (left, top, right, bottom, …; NaN: nobody knows) in an entry's photo, or the photo.

        None where there is no photo, or none that can be decoded. Neither EXIF nor the place is in it.
        """
        photo = self._photos.get(entry)
        if photo is None or not photo.is_file():
            return None
        known = bool(np.isfinite(look[:4]).all())
        try:
            picture = read_upright(photo, None if known else _REDUCED)
        except (OSError, UnusableError):
            return None
        if known:
            picture = _cropped(picture, look)
        picture.thumbnail((SIDE, SIDE))
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=75)
        return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"


def _cropped(picture: Image.Image, look: NDArray[np.float32]) -> Image.Image:
    left, top, right, bottom = look[:4].tolist()
    around = _AROUND * max(right - left, bottom - top)
    box = (max(left - around, 0), max(top - around, 0), right + around, bottom + around)
    width, height = picture.size
    whole = tuple(round(min(value, most)) for value, most in zip(box, (width, height, width, height), strict=True))
    return picture.crop(whole) if whole[0] < whole[2] and whole[1] < whole[3] else picture
