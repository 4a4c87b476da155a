"""Small grey pictures of a decoded one, of which a photo's facts are made."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from thawline.data.photos.decoding.pictures import Picture

HASHED = 64  # px along each side of what the perceptual hash is made of

# Lanczos' filter as Pillow has it: three lobes, coefficients of 22 bits behind the point.
_LOBES = 3.0
_COEFFICIENT = 2.0**22
# What is multiplied at a time: this many columns of the result, of which each takes a few columns of the picture only,
# and so many rows that BLAS does not hand a part to another thread.
_COLUMNS, _AT_ONCE = 16, 2**18

_Levels = npt.NDArray[np.float64]
_Band = tuple[slice, slice, _Levels]


def grey_and_hashed(picture: Picture, size: tuple[int, int]) -> tuple[Image.Image, _Levels]:
    """The picture in mode L at a size (width, height), and squashed to a square for its hash: [64, 64], whole levels.

    The first is made by a cheap filter after a whole-numbered part of the way, the second by Lanczos'.
    """
    narrow, rows = [], []
    for strip in picture.grey_strips():
        narrow.append(_bilinear(strip, (size[0], strip.height)))
        rows.append(_lanczos(np.asarray(strip).astype(np.float64), HASHED))
    across = rows[0] if len(rows) == 1 else np.concatenate(rows)
    return _bilinear(_joined(narrow), size), _lanczos(across.T, HASHED).T


def grey_picture(picture: Picture, size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    """The first that `grey_and_hashed` gives, of a part (left, top, right, bottom)."""
    return _bilinear(_joined([_bilinear(strip, (size[0], strip.height)) for strip in picture.grey_strips(box)]), size)


def _bilinear(grey: Image.Image, size: tuple[int, int]) -> Image.Image:
    return grey.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)


def _joined(strips: list[Image.Image]) -> Image.Image:
    if len(strips) == 1:
        return strips[0]
    joined = Image.new("L", (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        joined.paste(strip, (0, top))
        top += strip.height
    return joined


def _lanczos(levels: _Levels, wanted: int) -> _Levels:
    """Resize rows of whole grey levels: [rows, full] to [rows, wanted], to the bits that Pillow gives of mode L.

    Pillow adds up whole numbers, one after the other; they fit into floats of 64 bits, which BLAS adds up in a third
    of the time.
    """
    resized = np.empty((len(levels), wanted))
    for inner, outer, coefficients in _bands(levels.shape[1], wanted):
        step = max(1, _AT_ONCE // coefficients.size)
        for start in range(0, len(levels), step):
            rows = slice(start, start + step)
            np.matmul(levels[rows, inner], coefficients, out=resized[rows, outer])
    resized += 0.5
    np.clip(resized, 0, 255, out=resized)
    return np.floor(resized, out=resized)


@lru_cache(maxsize=256)
def _bands(full: int, wanted: int) -> list[_Band]:
    """For some columns of the result at a time: which columns make them up, which they are, and the coefficients."""
    scale = full / wanted
    stretch = max(scale, 1.0)
    centre = (np.arange(wanted) + 0.5) * scale
    first = np.maximum(0, np.trunc(centre - _LOBES * stretch + 0.5)).astype(int)
    end = np.minimum(full, np.trunc(centre + _LOBES * stretch + 0.5)).astype(int)
    column = first[:, None] + np.arange(int((end - first).max()))
    away = (column - centre[:, None] + 0.5) / stretch
    weights = np.sinc(away) * np.sinc(away / _LOBES)
    weights[(column >= end[:, None]) | (abs(away) >= _LOBES)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    weights = np.trunc(weights * _COEFFICIENT + np.copysign(0.5, weights)) / _COEFFICIENT
    bands = []
    for begin in range(0, wanted, _COLUMNS):
        outer = slice(begin, min(begin + _COLUMNS, wanted))
        left, right = int(first[outer].min()), int(end[outer].max())
        coefficients = np.zeros((right - left + weights.shape[1], outer.stop - outer.start))
        places = column[outer] - left
        coefficients[places, np.arange(len(places))[:, None]] = weights[outer]
        bands.append((slice(left, right), outer, coefficients[: right - left].copy()))
    return bands
