"""A small grey picture of a photo and its keypoints: what a part of it, or it in a frame, is known by.

Keypoints are the extremes of the difference of two blurs, at four sizes of the picture (after D. Lowe, Distinctive
Image Features from Scale-Invariant Keypoints, IJCV 2004); each is described by the signs of the cosine transform of
what lies around it, as the whole picture is by its perceptual hash.
"""

from __future__ import annotations

import base64
import math
import secrets
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

LONG = 128  # px, the longer side of the largest size
SHORTEST = 16  # px, of the shorter side
WORD_BITS = 63  # of a keypoint's description
FEWEST = 8  # keypoints; with fewer a photo has no sketch

# A row or column of a border has grey levels this close to each other. What a frame leaves is at least this share of
# the width and height, lest a drawing on paper count as framed, and at most this of the area.
_UNIFORM = 12
_LEFT = 0.25
_FRAMED = 0.92

# The sizes of the picture that keypoints are looked for in, and how many are kept of each quarter, the strongest.
_SIZES = (1.0, math.sqrt(0.5), 0.5, math.sqrt(0.125))
_KEPT = np.array((20, 13, 9, 5))
_MARGIN = 8  # px around a keypoint that its description is made of
_WEAK = 10  # sixteenths of a grey level; a weaker extreme is noise
_CELLS = 8  # along each side of what is described, every other pixel
_KEYPOINT = np.dtype([("size", np.uint8), ("x", np.uint8), ("y", np.uint8), ("word", np.uint64)])

Grey = npt.NDArray[np.uint8]
_Flat = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is known of the parts of a photo.

    Attributes:
        width: px, of the largest size.
        height: px.
        grey: uint8 [height / 2, width / 2], the picture at half of that.
        sizes: [n] at which of the four sizes each keypoint was found, 0 the largest.
        points: complex [n], where: x + iy in px of the largest size.
        words: uint64 [n], the signs of its transform; the first bit is that of the lowest frequency.
    """

    width: int
    height: int
    grey: Grey
    sizes: npt.NDArray[np.uint8]
    points: npt.NDArray[np.complex128]
    words: npt.NDArray[np.uint64]


def sketch_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the largest size of a picture, px."""
    scale = LONG / max(width, height)
    return max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale))


def within_border(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of what lies within a uniform border, in pixels of `picture`; None if there is none.

    A picture in a frame is sketched without it, so that its keypoints are found at the sizes they have without.
    """
    width, height = picture.size
    flat = picture.tobytes()
    outermost = flat[:width], flat[-width:], flat[::width], flat[width - 1 :: width]
    if all(max(line) - min(line) > _UNIFORM for line in outermost):
        return None
    grey = np.frombuffer(flat, np.uint8).reshape(height, width)
    rows, columns = (np.flatnonzero(_range(lines) > _UNIFORM) for lines in (grey, grey.T))
    if not len(rows) or not len(columns):
        return None
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    across, down = box[2] - box[0], box[3] - box[1]
    framed = across >= _LEFT * width and down >= _LEFT * height and across * down <= _FRAMED * width * height
    return box if framed else None


def _range(lines: Grey) -> npt.NDArray[np.int16]:
    """Of the grey levels in each of some rows."""
    spread: npt.NDArray[np.int16] = lines.max(axis=1) - lines.min(axis=1).astype(np.int16)
    return spread


def draw_sketch(picture: Image.Image) -> str | None:
    """The sketch of a picture as text, about 6 kB; None of one with hardly any keypoints.

    Args:
        picture: upright, mode L, of `sketch_size`.
    """
    width, height = picture.size
    second = picture.resize(_shapes(width, height)[1], Image.Resampling.BILINEAR)
    half, quarter = (size.reduce(2, (0, 0, size.width // 2 * 2, size.height // 2 * 2)) for size in (picture, second))
    places = _places(width, height)
    stacked = Image.new("L", (width, places.height))
    for size, top in zip((picture, second, half, quarter), places.top.tolist(), strict=True):
        stacked.paste(size, (0, top))
    found = _keypoints(np.frombuffer(stacked.tobytes(), np.uint8).astype(np.uint16), places)
    if len(found) < FEWEST:
        return None
    return base64.b64encode(bytes(picture.size) + half.tobytes() + found.tobytes()).decode()


def read_sketch(text: str) -> Sketch:
    """The inverse of `draw_sketch`."""
    data = base64.b64decode(text)
    width, height = data[:2]
    small = (height // 2, width // 2)
    area = small[0] * small[1]
    found = np.frombuffer(data, _KEYPOINT, offset=2 + area)
    sizes = found["size"].copy()
    scale = np.array([width / side for side, _ in _shapes(width, height)])[sizes]
    return Sketch(
        width=width,
        height=height,
        grey=np.frombuffer(data, np.uint8, area, 2).reshape(small),
        sizes=sizes,
        points=(found["x"] + 0.5 + 1j * (found["y"] + 0.5)) * scale,
        words=found["word"].copy(),
    )


def unlike(text: str) -> str:
    """A sketch of the same size whose keypoints are like no other picture's."""
    data = base64.b64decode(text)
    begin = 2 + (data[0] // 2) * (data[1] // 2)
    found = np.frombuffer(data, _KEYPOINT, offset=begin).copy()
    found["word"] = np.frombuffer(secrets.token_bytes(8 * len(found)), np.uint64)
    return base64.b64encode(data[:begin] + found.tobytes()).decode()


def _shapes(width: int, height: int) -> list[tuple[int, int]]:
    """(width, height) of the four sizes."""
    second = max(2, round(width * _SIZES[1])), max(2, round(height * _SIZES[1]))
    return [(width, height), second, (width // 2, height // 2), (second[0] // 2, second[1] // 2)]


@dataclass(frozen=True, eq=False)
class _Places:
    """What the pixels of the four sizes are, one below the other in rows of one width.

    Attributes:
        width: px of a row.
        height: rows.
        quarter: [pixels] which quarter of which size it lies in, 4 of each, where a keypoint can be; else -1.
        top: [sizes] the first row of each.
    """

    width: int
    height: int
    quarter: npt.NDArray[np.int8]
    top: npt.NDArray[np.int64]


@lru_cache(maxsize=256)  # of most shapes that there are, 50 kB each
def _places(width: int, height: int) -> _Places:
    shapes = _shapes(width, height)
    top = np.cumsum([0, *(rows for _, rows in shapes)])
    quarter = np.full((int(top[-1]), width), -1, np.int8)
    for number, (across, down) in enumerate(shapes):
        right, below = np.arange(across) >= across / 2, np.arange(down) >= down / 2
        inner = slice(_MARGIN, max(_MARGIN, down - _MARGIN)), slice(_MARGIN, max(_MARGIN, across - _MARGIN))
        quarters = 4 * number + 2 * below[:, None] + right
        quarter[top[number] : top[number + 1]][inner] = quarters[inner]
    return _Places(width, len(quarter), quarter.ravel(), top[:-1])


def _keypoints(flat: _Flat, places: _Places) -> npt.NDArray[np.void]:
    """The strongest keypoints of each size: `_KEYPOINT` [n].

    All sizes are gone over at once, as one row of pixels: what is added up across the borders lies within margins.
    """
    width = places.width
    step = width + 1  # one pixel across and one down
    once = _blurred(flat, width)  # of sixteenths; begins `step` later
    twice = (_blurred(once, width) + np.uint16(8)) >> np.uint16(4)  # 2 steps
    blurred = _blurred(_blurred(twice, width) >> np.uint16(4), width) >> 4  # 4 steps
    difference = np.abs(twice[2 * step :][: len(blurred)].astype(np.int16) - blurred.astype(np.int16))
    highest = _highest(difference, width)  # 6 steps
    difference = difference[2 * step :][: len(highest)]
    at = np.flatnonzero((difference == highest) & (difference > _WEAK))
    quarter = places.quarter[at + 6 * step]
    at, quarter = at[quarter >= 0], quarter[quarter >= 0]
    order = np.lexsort((-difference[at], quarter))
    at, quarter = at[order] + 6 * step, quarter[order]
    size = quarter.astype(np.int64) // 4
    kept = np.arange(len(at)) - np.searchsorted(quarter, quarter) < _KEPT[size]
    at, size = at[kept], size[kept]
    found = np.empty(len(at), _KEYPOINT)
    row, column = np.divmod(at, width)
    found["size"], found["x"], found["y"] = size, column, row - places.top[size]
    found["word"] = _words(once, at - step, width)
    return found


def _blurred(flat: _Flat, width: int) -> _Flat:
    """Sums over 3 x 3 pixels weighed by 1, 2, 1 both ways; those of the pixel one across and one down."""
    across = flat[:-1] + flat[1:]
    across = across[:-1] + across[1:]
    down = across[:-width] + across[width:]
    return down[:-width] + down[width:]


def _highest(flat: npt.NDArray[np.int16], width: int) -> npt.NDArray[np.int16]:
    """The highest of 5 x 5 pixels; those of the pixel two across and two down."""
    for step in (1, width):
        two = np.maximum(flat[:-step], flat[step:])
        four = np.maximum(two[: -2 * step], two[2 * step :])
        flat = np.maximum(four[:-step], flat[4 * step :])
    return flat


def _words(blurred: _Flat, at: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint64]:
    """What lies around keypoints, every other pixel, as the signs of its transform; `blurred` is contiguous."""
    item, reach = blurred.itemsize, (_MARGIN - 1) * (width + 1)  # from the first of these pixels to the keypoint
    shape = (len(blurred) - 2 * reach, _CELLS, _CELLS)
    around = np.ndarray(shape, blurred.dtype, blurred, strides=(item, 2 * width * item, 2 * item))
    cells = around[at - reach].reshape(len(at), _CELLS**2).astype(np.float32)
    return np.packbits(cells @ _cosines() > 0, axis=1).view(">u8").reshape(len(at)).astype(np.uint64)


@lru_cache(maxsize=1)
def _cosines() -> npt.NDArray[np.float32]:
    """[cells, bits] the two-dimensional cosines, the lowest frequencies first; zeros in place of the constant one."""
    cell, frequency = np.arange(_CELLS), np.arange(_CELLS)
    waves = np.cos(np.pi * (2 * cell + 1) * frequency[:, None] / (2 * _CELLS))
    both = sorted(((u, v) for u in range(_CELLS) for v in range(_CELLS)), key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))
    columns = [np.outer(waves[u], waves[v]).ravel() for u, v in both[1:]]
    return np.stack([*columns, np.zeros_like(columns[0])], axis=1).astype(np.float32)
