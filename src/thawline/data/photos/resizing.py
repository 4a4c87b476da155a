"""A decoded picture to the square that enters a network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from thawline.data.photos.decoding.pictures import Opened, Picture, is_lying, orient, stored_box, strips
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import UnusableError

if TYPE_CHECKING:
    import torch

MAX_ASPECT = 4  # a longer side is cut to this multiple of the shorter before resizing: the centre crop shows less of it

Box = tuple[int, int, int, int]  # left, top, right, bottom


def pixels(opened: Opened, how: Preprocessing, decoded: Picture | None = None) -> torch.Tensor:
    """Decode, resize, turn upright and crop.

    Args:
        opened: the file.
        how: the target.
        decoded: what the file gave, perhaps reduced, if it was decoded before; used again where it has the scale
            needed here.

    Returns:
        uint8 [3, size, size], contiguous.

    Raises:
        UnusableError: the pixels cannot be decoded, or not all of them are there.
    """
    full = (opened.header.width, opened.header.height)
    if how.decode == "full":
        picture = opened.again().decode_fast() or _decoded(opened, None, decoded)
        # Upright first, as other libraries have it: the axes are resized and rounded to whole levels one by one.
        return _fit(picture, picture.size, how, before=opened.orientation())
    picture = _decoded(opened, wanted_side(how), decoded)
    # A draft rounds its sides up: the last row and column are partly padding, and taking them for picture would shift
    # all of it, by up to half a pixel at the end (1.0 to 1.5 of 255 on average, against 0.2 without).
    scale = next(s for s in (1, 2, 4, 8) if tuple(-(-side // s) for side in full) == picture.size)
    return _fit(picture, (full[0] / scale, full[1] / scale), how, after=opened.orientation())


def wanted_side(how: Preprocessing) -> int | None:
    """Px that a JPEG may be reduced to while it is decoded; None: it may not."""
    if how.decode == "full":
        return None
    return 2 * (how.resize if how.crop == "center" else how.size)


def picture_pixels(image: Image.Image, how: Preprocessing) -> torch.Tensor:
    """What `pixels` gives for a file that is decoded in full, for a picture in memory.

    Returns:
        uint8 [3, size, size], contiguous.

    Raises:
        UnusableError: it has no pixels, or a file that was opened before cannot be decoded.
    """
    if not min(image.size):
        raise UnusableError("empty picture")
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # what Pillow raises on broken files
        raise UnusableError(f"broken {image.format}: {error}") from error
    try:
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # foreign bytes raise anything; a photo without readable notes stays as it lies
        orientation = 1
    picture = Picture(image, image.format)
    return _fit(picture, picture.size, how, before=orientation)


def _decoded(opened: Opened, side: int | None, decoded: Picture | None) -> Picture:
    """What was decoded before, if it has the scale for `side`."""
    if decoded and opened.header.kind != "JPEG":
        return decoded
    fresh = opened.again() if decoded else opened
    if side:
        fresh.reduce(side)
    return decoded if decoded and decoded.size == fresh.size else fresh.decode()


def _fit(
    picture: Picture, extent: tuple[float, float], target: Preprocessing, *, before: int = 1, after: int = 1
) -> torch.Tensor:
    """Resize, turn upright and cut out the centre.

    Args:
        picture: as it is stored.
        extent: (width, height) of the picture in `picture`, fractions of its pixels included.
        target: size, resize, crop and interpolation.
        before: EXIF orientation by which it is turned before it is resized; `extent` is as stored all the same.
        after: the same, afterwards.
    """
    size = picture.size[::-1] if is_lying(before) else picture.size
    extent = extent[::-1] if is_lying(before) else extent
    box: Box = (0, 0, *size)
    sides = (target.size, target.size)
    if target.crop == "center":
        box, extent = _bound_aspect(box, extent)
        # the longer side is cut off to an integer, as torchvision's and transformers' resizing do it
        long = int(target.resize * max(extent) / min(extent))
        sides = (target.resize, long) if extent[1] > extent[0] else (long, target.resize)
    resized = _resize(picture, box, size, before, extent, sides, target.interpolation)
    upright = orient(resized, after)
    whole = math.floor if target.offset == "floor" else round
    top, left = (whole((side - target.size) / 2) for side in upright.shape[:2])
    square = upright[top : top + target.size, left : left + target.size]
    import torch

    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))


def _resize(
    picture: Picture,
    box: Box,
    size: tuple[int, int],
    orientation: int,
    extent: tuple[float, float],
    sides: tuple[int, int],
    interpolation: str,
) -> NDArray[np.uint8]:
    """Resize `box` of the picture, turned upright to `size`, so that `extent` becomes `sides`: [height, width, 3].

    Strip by strip across, then all of it down: the same bits as in one go, which does one after the other as well.
    """
    import torch

    def interpolate(tensor: torch.Tensor, across: float, down: float) -> torch.Tensor:
        # The output has floor(pixels * factor) pixels; the last bit is there lest a rounding error cost one.
        factors = [factor * (1 + 1e-12) if factor != 1 else 1.0 for factor in (down, across)]
        return torch.nn.functional.interpolate(tensor, scale_factor=factors, mode=interpolation, antialias=True)

    across, down = (side / full for side, full in zip(sides, extent, strict=True))
    narrow = [
        interpolate(torch.from_numpy(strip)[None].permute(0, 3, 1, 2), across, 1.0)
        for strip in _upright_strips(picture, box, size, orientation)
    ]
    resized = interpolate(torch.cat(narrow, dim=2), 1.0, down)
    array: NDArray[np.uint8] = resized[0, :, : sides[1], : sides[0]].permute(1, 2, 0).numpy()
    return array


def _upright_strips(picture: Picture, box: Box, size: tuple[int, int], orientation: int) -> Iterator[NDArray[np.uint8]]:
    left, top, right, bottom = box
    for start, end in strips(right - left, bottom - top):
        stored = stored_box((left, top + start, right, top + end), size, orientation)
        yield np.array(orient(np.asarray(picture.rgb(stored)), orientation), order="C")


def _bound_aspect(box: Box, extent: tuple[float, float]) -> tuple[Box, tuple[float, float]]:
    """Cut an extreme panorama to its middle: resized whole, 1 by 30,000 px would become 224 by 6,720,000."""
    _, _, width, height = box
    long = MAX_ASPECT * min(height, width)
    if max(height, width) <= long:
        return box, extent
    start = (max(height, width) - long) // 2
    if width > height:
        return (start, 0, start + long, height), (float(long), extent[1])
    return (0, start, width, start + long), (extent[0], float(long))
