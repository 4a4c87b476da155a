"""One photo: the facts that follow from its bytes, and its pixels."""

from __future__ import annotations

import hashlib
import stat
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagehash
import numpy as np
from PIL import ExifTags, Image

from thawline.data.decoding import UnusableError, load_rgb, open_image, orient, pixels
from thawline.data.preprocessing import JSON, Preprocessing

if TYPE_CHECKING:
    import torch

# What facts depend on besides the bytes: facts remembered under another version must be made again.
FACTS_VERSION = f"1, pillow {version('pillow')}, imagehash {version('imagehash')}"

MAX_BYTES = 512 * 2**20
HASH_SIDE = 448  # the shortest side, px, that the perceptual hash is taken from, at least
# 256 bits rather than the usual 64: on 1,400 photos the closest unrelated pair was 80 bits apart, and copies resaved,
# resized, 5 % cropped or brightened at most 64. With 64 bits the two overlapped.
HASH_BITS = 256
_HASH_ROWS = 16
_THUMB = 4 * _HASH_ROWS  # what imagehash.phash reduces to by itself
_FLAT = 4.0  # standard deviation of the thumbnail's grey levels (0 to 255) below which a hash is mostly noise

# Pillow warns of odd metadata, which is ignored here, in the middle of a progress bar.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class PhotoFacts:
    """What follows from a file's bytes alone, whatever its name and the preprocessing.

    Attributes:
        digest: sha256 of the bytes, hex; "" if the machine was at fault, or if the file's size rules it out: then
            nothing was hashed, and nothing here may be remembered.
        format: "JPEG", "PNG" or "WEBP" by content; None if unusable.
        width: px after orientation, 0 if unusable.
        height: like `width`.
        phash: 256-bit perceptual hash, 64 hex digits; None if unusable or too flat to be told from other flat photos.
        taken: EXIF DateTimeOriginal as ISO, camera's local time.
        camera: EXIF make, model and body number.
        problem: why the file cannot be used, one phrase; None if it can.
    """

    digest: str
    format: str | None = None
    width: int = 0
    height: int = 0
    phash: str | None = None
    taken: str | None = None
    camera: str | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """As a plain dict."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> PhotoFacts:
        """The inverse of `to_json`."""
        return PhotoFacts(**value)


def read_photo(path: Path, preprocessing: Preprocessing | None) -> tuple[PhotoFacts, torch.Tensor | None]:
    """Read a file once: its facts, and its pixels if `preprocessing` is given.

    Bad content never raises: `problem` says what is wrong, and the pixels are None. Safe to call from threads.

    Returns:
        The facts, and uint8 [3, size, size] or None.
    """
    try:
        data = read_file(path)
    except UnusableError as error:
        return PhotoFacts("", problem=str(error)), None
    digest = hashlib.sha256(data).hexdigest()
    try:
        return _read(data, digest, preprocessing)
    except UnusableError as error:
        return PhotoFacts(digest, problem=str(error)), None
    except MemoryError:
        return PhotoFacts("", problem="not enough memory to decode it"), None


def refused_photo(path: Path) -> PhotoFacts | None:
    """What is wrong with a file whose size rules it out, without hashing it; None of any other."""
    try:
        return PhotoFacts("", problem=_too_large()) if path.stat().st_size > MAX_BYTES else None
    except OSError:  # whoever reads it says so
        return None


def read_pixels(path: Path, preprocessing: Preprocessing) -> torch.Tensor:
    """The pixels of `read_photo` without the facts, which take their share of the time. Safe to call from threads.

    Returns:
        uint8 [3, size, size].

    Raises:
        UnusableError: the file cannot be read or used.
    """
    try:
        data = read_file(path)
        return pixels(data, preprocessing, _exif(open_image(data)).get(ExifTags.Base.Orientation, 1), None)
    except MemoryError as error:
        raise UnusableError("not enough memory to decode it") from error


def read_file(path: Path) -> bytes:
    """What is in the file `path`, which may be a photo.

    Raises:
        UnusableError: it cannot be read, or is none that a photo could be in.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UnusableError("not a regular file")  # reading a pipe would wait for ever
        if status.st_size > MAX_BYTES:
            raise UnusableError(_too_large())
        return path.read_bytes()
    except OSError as error:
        raise UnusableError(f"cannot be read: {error.strerror or error}") from error


def _too_large() -> str:
    return f"too large: more than {MAX_BYTES >> 20} MiB"


def _read(data: bytes, digest: str, preprocessing: Preprocessing | None) -> tuple[PhotoFacts, torch.Tensor | None]:
    image = open_image(data)
    width, height = image.size
    image.draft(None, (HASH_SIDE, HASH_SIDE))
    rgb = load_rgb(image)
    exif = _exif(image)
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    facts = PhotoFacts(
        digest=digest,
        format=image.format,
        width=width,
        height=height,
        phash=_phash(rgb, orientation),
        taken=_taken(exif.get(ExifTags.Base.DateTimeOriginal)),
        camera=_camera(exif),
    )
    return facts, None if preprocessing is None else pixels(data, preprocessing, orientation, rgb)


def _exif(image: Image.Image) -> dict[int, Any]:
    """The EXIF tags that are used here; those that cannot be parsed are missing, which is no reason to drop a photo."""
    try:
        exif = image.getexif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except Exception:  # parsing foreign bytes: struct.error, SyntaxError, ValueError, KeyError, ...
        return {}


def _taken(value: object) -> str | None:
    try:
        return datetime.strptime(str(value).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:  # absent, or "0000:00:00 00:00:00" from a camera whose clock was never set
        return None


def _camera(exif: Mapping[int, Any]) -> str | None:
    tags = (ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.BodySerialNumber)
    words = (str(exif.get(tag, "")).strip("\0 ") for tag in tags)
    return " ".join(word for word in words if word) or None


def _phash(rgb: Image.Image, orientation: int) -> str | None:
    """The DCT hash of imagehash, None where it would be noise.

    Half of its bits are ones unless many of the coefficients are equal, as in drawings of little more than a gradient.
    """
    thumb = rgb.convert("L").resize((_THUMB, _THUMB), Image.Resampling.LANCZOS)
    upright = np.ascontiguousarray(orient(np.asarray(thumb), orientation))
    if upright.std() < _FLAT:
        return None
    hashed = imagehash.phash(Image.fromarray(upright), hash_size=_HASH_ROWS)
    ones = int(hashed.hash.sum())
    return str(hashed) if abs(ones - HASH_BITS // 2) <= HASH_BITS // 16 else None
