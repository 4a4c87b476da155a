"""One photo: the facts that follow from its bytes, and its pixels."""

from __future__ import annotations

import hashlib
import io
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from thawline.data.photos.copies.sketches import draw_sketch, sketch_size, within_border
from thawline.data.photos.copies.thumbnails import grey_and_hashed, grey_picture
from thawline.data.photos.decoding.budget import DECODING
from thawline.data.photos.decoding.headers import Header, read_header
from thawline.data.photos.decoding.pictures import (
    Opened,
    Picture,
    check_size,
    decoding_bytes,
    is_lying,
    open_image,
    orient,
)
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS, Preprocessing
from thawline.data.photos.resizing import pixels, wanted_side
from thawline.errors import TooLargeError, UnusableError
from thawline.files import JSON
from thawline.process import give_back_freed_memory

if TYPE_CHECKING:
    import torch

# What facts depend on besides the bytes: facts remembered under another version must be made again.
FACTS_VERSION = f"3, pillow {version('pillow')}"

MAX_BYTES = 512 * 2**20
_NO_MEMORY = "not enough memory to decode it"
_SMALL = 2**18  # bytes; a smaller file is read as a whole before its header is looked at
_LARGE = 2**26  # bytes that are given back to the system after a picture that took more
HASH_SIDE = 448  # the shortest side, px, that the perceptual hash is taken from, at least
# 256 bits rather than the usual 64: on 1,400 photos the closest unrelated pair was 80 bits apart, and copies resaved,
# resized, 5 % cropped or brightened at most 64. With 64 bits the two overlapped.
HASH_BITS = 256
_HASH_ROWS = 16
_FLAT = 4.0  # standard deviation of the thumbnail's grey levels (0 to 255) below which a hash is mostly noise
# EXIF orientations and how Pillow calls what turns each upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of odd metadata, which is ignored here, in the middle of a progress bar.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class PhotoFacts:
    """What follows from a file's bytes alone, whatever its name and the preprocessing.

    Attributes:
        digest: sha256 of the bytes, hex; "" if the machine or a setting was at fault, and then nothing here may be
            remembered.
        format: "JPEG", "PNG" or "WEBP" by content; None if unusable.
        width: px after orientation, 0 if unusable.
        height: like `width`.
        phash: 256-bit perceptual hash, 64 hex digits; None if unusable or too flat to be told from other flat photos.
        sketch: a small grey picture and its keypoints, see `sketches`; None if unusable or without keypoints.
        taken: EXIF DateTimeOriginal as ISO, camera's local time.
        camera: EXIF make, model and body number.
        problem: why the file cannot be used, one phrase; None if it can.
    """

    digest: str
    format: str | None = None
    width: int = 0
    height: int = 0
    phash: str | None = None
    sketch: str | None = None
    taken: str | None = None
    camera: str | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """As a plain dict."""
        return dict(vars(self))

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> PhotoFacts:
        """The inverse of `to_json`."""
        return PhotoFacts(**value)


def read_photo(
    path: Path, preprocessing: Preprocessing | None, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[PhotoFacts, torch.Tensor | None]:
    """Read a file once: its facts, and its pixels if `preprocessing` is given.

    Bad content never raises: `problem` says what is wrong, and the pixels are None. Safe to call from threads.

    Args:
        path: the file.
        preprocessing: what its pixels go through.
        max_megapixels: a larger picture is a problem of this call, not of the file: it is not even hashed.

    Returns:
        The facts, and uint8 [3, size, size] or None.
    """
    digest = ""
    side = _side(preprocessing)
    try:
        with _reading(path, side, max_megapixels) as (data, header):
            digest = hashlib.sha256(data).hexdigest()
            return _read(open_image(data, max_megapixels, side, header), digest, preprocessing)
    except TooLargeError as error:
        return PhotoFacts("", problem=str(error)), None
    except UnusableError as error:
        return PhotoFacts(digest, problem=str(error)), None
    except MemoryError:
        return PhotoFacts("", problem=_NO_MEMORY), None


def refused_photo(
    path: Path, preprocessing: Preprocessing | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> PhotoFacts | None:
    """What `read_photo` says of a file whose size or header rules it out, without hashing it; None of any other."""
    try:
        with _within_limits(path, _side(preprocessing), max_megapixels):
            return None
    except TooLargeError as error:
        return PhotoFacts("", problem=str(error))
    except UnusableError:  # whoever reads it says so
        return None


def read_pixels(path: Path, preprocessing: Preprocessing, max_megapixels: float = MAX_MEGAPIXELS) -> torch.Tensor:
    """The pixels of `read_photo` without the facts, which take their share of the time. Safe to call from threads.

    Returns:
        uint8 [3, size, size].

    Raises:
        UnusableError: the file cannot be read or used.
    """
    try:
        side = wanted_side(preprocessing)
        with _reading(path, side, max_megapixels) as (data, header):
            return pixels(open_image(data, max_megapixels, side, header), preprocessing)
    except MemoryError as error:
        raise UnusableError(_NO_MEMORY) from error


def read_upright(path: Path, side: int | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """The photo in mode RGB, turned upright.

    Args:
        path: the file.
        side: px that a JPEG may be reduced to while it is decoded; None: it may not.
        max_megapixels: a larger picture is refused.

    Raises:
        UnusableError: the file cannot be read or used.
    """
    try:
        with _reading(path, side, max_megapixels) as (data, header):
            opened = open_image(data, max_megapixels, side, header)
            if side:
                opened.reduce(side)
            rgb = opened.decode().rgb()
            turn = _TURNS.get(opened.orientation())
            upright = rgb.copy() if turn is None else rgb.transpose(turn)
            upright.info = {}  # EXIF, the place included
            return upright
    except MemoryError as error:
        raise UnusableError(_NO_MEMORY) from error


@contextmanager
def _reading(path: Path, side: int | None, max_megapixels: float) -> Iterator[tuple[bytes, Header | None]]:
    """What is in the file `path`, which may be a photo, and its header, within the memory that decoding it takes.

    Args:
        path: the file.
        side: px that a JPEG will be reduced to while it is decoded; None: it will not.
        max_megapixels: a larger picture is not read.

    Raises:
        UnusableError: it cannot be read, or is none that a photo could be in.
    """
    with _within_limits(path, side, max_megapixels) as (file, header, takes), DECODING.hold(takes):
        try:
            file.seek(0)
            data = file.read()
        except OSError as error:
            raise _unreadable(error) from error
        try:
            yield data, header
        finally:
            if takes > _LARGE:
                give_back_freed_memory()


@contextmanager
def _within_limits(
    path: Path, side: int | None, max_megapixels: float
) -> Iterator[tuple[BinaryIO, Header | None, int]]:
    """The open file, if neither size nor header rules it out; its header; bytes that reading and decoding it take."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UnusableError("not a regular file")  # reading a pipe would wait for ever
        if status.st_size > MAX_BYTES:
            raise TooLargeError(f"too large: more than {MAX_BYTES >> 20} MiB")
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(error) from error
    with file:
        try:
            # Of a file in memory the header is found in half of the time.
            header = read_header(io.BytesIO(file.read()) if status.st_size <= _SMALL else file)
        except OSError as error:
            raise _unreadable(error) from error
        check_size(header, side, max_megapixels)
        yield file, header, status.st_size + decoding_bytes(header, side)


def _unreadable(error: OSError) -> UnusableError:
    return UnusableError(f"cannot be read: {error.strerror or error}")


def _side(preprocessing: Preprocessing | None) -> int | None:
    """Px that a JPEG may be reduced to at least, before what is asked for can be made of it."""
    return HASH_SIDE if preprocessing is None else wanted_side(preprocessing)


def _read(opened: Opened, digest: str, preprocessing: Preprocessing | None) -> tuple[PhotoFacts, torch.Tensor | None]:
    width, height = opened.size
    opened.reduce(HASH_SIDE)
    picture = opened.decode()
    exif = opened.exif()
    orientation = opened.orientation()
    if is_lying(orientation):
        width, height = height, width
    grey, hashed = grey_and_hashed(picture, sketch_size(*picture.size))
    facts = PhotoFacts(
        digest=digest,
        format=opened.header.kind,
        width=width,
        height=height,
        phash=_phash(hashed, orientation),
        sketch=_sketch(picture, grey, orientation),
        taken=_taken(exif.get(ExifTags.Base.DateTimeOriginal)),
        camera=_camera(exif),
    )
    return facts, None if preprocessing is None else pixels(opened, preprocessing, picture)


def _taken(value: object) -> str | None:
    if value is None:
        return None
    try:
        return datetime.strptime(str(value).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:  # "0000:00:00 00:00:00" from a camera whose clock was never set
        return None


def _camera(exif: Mapping[int, Any]) -> str | None:
    tags = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.BodySerialNumber)
    words = (str(exif.get(tag, "")).strip("\0 ") for tag in tags)
    return " ".join(word for word in words if word) or None


def _phash(thumbnail: npt.NDArray[np.float64], orientation: int) -> str | None:
    """Which of the lowest frequencies of the cosine transform are above their median; None where it would be noise.

    The same bits as `imagehash.phash` with 16 rows. Half of them are ones unless many of the coefficients are equal, as
    in drawings of little more than a gradient.
    """
    from scipy.fftpack import dct  # late: a fifth of a second

    upright = np.ascontiguousarray(orient(thumbnail, orientation))
    if float(np.vdot(upright, upright)) / upright.size - (float(upright.sum()) / upright.size) ** 2 < _FLAT**2:
        return None
    lowest = dct(dct(upright, axis=0)[:_HASH_ROWS], axis=1)[:, :_HASH_ROWS].ravel()
    ordered = np.sort(lowest)
    bits = lowest > (ordered[HASH_BITS // 2 - 1] + ordered[HASH_BITS // 2]) / 2
    even = abs(np.count_nonzero(bits) - HASH_BITS // 2) <= HASH_BITS // 16
    return np.packbits(bits).tobytes().hex() if even else None


def _sketch(picture: Picture, grey: Image.Image, orientation: int) -> str | None:
    """The sketch of what lies within the picture's border, if it has one."""
    if inner := within_border(grey):
        scale = picture.size[0] / grey.width, picture.size[1] / grey.height
        left, top, right, bottom = (round(side * scale[i % 2]) for i, side in enumerate(inner))
        size = sketch_size(right - left, bottom - top)
        grey = grey_picture(picture, size, (left, top, right, bottom))
    turn = _TURNS.get(orientation)
    return draw_sketch(grey if turn is None else grey.transpose(turn))
