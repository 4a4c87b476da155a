"""The bytes of a JPEG, PNG or WebP file to RGB pixels; whatever is wrong with them becomes one phrase."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from thawline.data.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

MAX_PIXELS = 120_000_000  # the largest photos of common phones have 108 megapixels; at 4 bytes each they fit in memory
MAX_ASPECT = 4  # a longer side is cut to this multiple of the shorter before resizing: the centre crop shows less of it
MAX_BLOCK = 2**30  # bytes, more than any file that is read

# The classes are called directly: `Image.open` judges sizes by a global limit that other libraries may change, warns
# below it, and hands phones' multi-picture JPEGs to another class.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
}
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}
# EXIF orientation: which of (height, width) to reverse; before that, 5 to 8 swap the two.
_FLIPS = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}


class UnusableError(Exception):
    """A file that cannot be used; the message is the reason, one phrase without the file's name."""


def sniff(data: bytes) -> str | None:
    """What the first bytes say that a file is ("JPEG", "PNG", "WEBP", "HEIC", ...), or None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    return next((name for start, name in _STARTS.items() if data.startswith(start)), None)


def open_image(data: bytes) -> ImageFile.ImageFile:
    """Read the header only; `load_rgb` decodes the pixels.

    Raises:
        UnusableError: not a JPEG, PNG or WebP file, a broken header, or more pixels than `MAX_PIXELS`.
    """
    if not data:
        raise UnusableError("empty file")
    kind = sniff(data)
    if kind not in _OPENERS:
        what = f"{kind} is not supported" if kind else "not an image"
        raise UnusableError(f"{what} (JPEG, PNG and WebP are)")
    try:
        image = _OPENERS[kind](io.BytesIO(data))
    except Image.DecompressionBombError as error:  # WebP allocates its canvas on opening, so Pillow looks first
        raise UnusableError(f"too large: more than {MAX_PIXELS // 10**6} megapixels") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises SyntaxError, OSError, ValueError, RuntimeError, struct.error, ...
        raise _broken(kind, error) from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableError(f"too large: {width} by {height} pixels, more than {MAX_PIXELS // 10**6} megapixels")
    return image


def load_rgb(image: Image.Image) -> Image.Image:
    """Decode an opened image to mode RGB: alpha over white, 16 bits scaled to 8; the orientation is left as stored.

    Raises:
        UnusableError: the pixels cannot be decoded, a truncated file included.
    """
    try:
        if isinstance(image, ImageFile.ImageFile) and image.format == "JPEG":
            # The whole file in one call: between the usual pieces of 64 KB a thread waits for the interpreter.
            image.decodermaxblock = MAX_BLOCK
        image.load()
        return _to_rgb(image)
    except MemoryError:  # says something of the machine, not of the file
        raise
    except Exception as error:  # as above
        raise _broken(image.format, error) from error


def _broken(kind: str | None, error: Exception) -> UnusableError:
    reason = str(error).strip().splitlines()
    return UnusableError(f"broken {kind}: {reason[0] if reason else type(error).__name__}")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to 255 instead of scaling
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")


def orient(array: np.ndarray[Any, Any], orientation: int) -> np.ndarray[Any, Any]:
    """Turn `array` [height, width, ...] upright by its EXIF orientation (1 to 8; others mean 1); a view."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    return np.flip(array, axis=_FLIPS.get(orientation, ()))


def pixels(data: bytes, preprocessing: Preprocessing, orientation: int, decoded: Image.Image | None) -> torch.Tensor:
    """Decode, resize, turn upright and crop.

    Args:
        data: the file's bytes, known to be a usable image.
        preprocessing: the target.
        orientation: EXIF orientation.
        decoded: what `load_rgb` gave for a draft of the same file, if anything; used again where it has the scale
            needed here.

    Returns:
        uint8 [3, size, size], contiguous.
    """
    image = open_image(data)
    full = image.size
    if preprocessing.decode == "full":
        array = _torchvision_decode(data, image)
        if array is None:
            array = np.array(decoded if decoded and decoded.size == full else load_rgb(image))
        # Upright first, as other libraries have it: the axes are resized and rounded to whole levels one by one.
        upright = np.ascontiguousarray(orient(array, orientation))
        return _fit(upright, (float(upright.shape[0]), float(upright.shape[1])), preprocessing, 1)
    side = 2 * (preprocessing.resize if preprocessing.crop == "center" else preprocessing.size)
    image.draft(None, (side, side))
    array = np.array(decoded if decoded and decoded.size == image.size else load_rgb(image))
    # A draft rounds its sides up: the last row and column are partly padding, and taking them for picture would shift
    # all of it, by up to half a pixel at the end (1.0 to 1.5 of 255 on average, against 0.2 without).
    drafted = (array.shape[1], array.shape[0])
    scale = next(s for s in (1, 2, 4, 8) if tuple(-(-side // s) for side in full) == drafted)
    return _fit(array, (full[1] / scale, full[0] / scale), preprocessing, orientation)


def picture_pixels(image: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    """What `pixels` gives for a file that is decoded in full, for a picture in memory.

    Returns:
        uint8 [3, size, size], contiguous.

    Raises:
        UnusableError: it has no pixels, or a file that was opened before cannot be decoded.
    """
    if not min(image.size):
        raise UnusableError("empty picture")
    array = upright(image)
    return _fit(array, (float(array.shape[0]), float(array.shape[1])), preprocessing, 1)


def upright(image: Image.Image) -> np.ndarray[Any, Any]:
    """Decode an opened image to RGB and turn it upright by its EXIF orientation: uint8 [height, width, 3].

    Raises:
        UnusableError: the pixels cannot be decoded.
    """
    rgb = load_rgb(image)
    try:
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # foreign bytes raise anything; a photo without readable notes stays as it lies
        orientation = 1
    return np.array(orient(np.asarray(rgb), orientation), order="C")


def _torchvision_decode(data: bytes, image: ImageFile.ImageFile) -> np.ndarray[Any, Any] | None:
    """[height, width, 3] by torchvision, about twice as fast as Pillow; None where it should be left to Pillow."""
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    if image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return None
    try:
        decoded = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    except RuntimeError:  # stricter than Pillow about some files that both can show
        return None
    array: np.ndarray[Any, Any] = decoded.permute(1, 2, 0).numpy()
    return array


def _fit(
    array: np.ndarray[Any, Any], extent: tuple[float, float], target: Preprocessing, orientation: int
) -> torch.Tensor:
    """Resize, turn upright and cut out the centre.

    Args:
        array: uint8 [height, width, 3].
        extent: (height, width) of the picture in `array`, fractions of its pixels included.
        target: size, resize, crop and interpolation.
        orientation: EXIF orientation.
    """
    import torch

    sides = (target.size, target.size)
    if target.crop == "center":
        array, extent = _bound_aspect(array, extent)
        # the longer side is cut off to an integer, as torchvision's and transformers' resizing do it
        long = int(target.resize * max(extent) / min(extent))
        sides = (long, target.resize) if extent[0] > extent[1] else (target.resize, long)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(array)[None].permute(0, 3, 1, 2),
        # The output has floor(pixels * factor) pixels; the last bit is there lest a rounding error cost one.
        scale_factor=[side / full * (1 + 1e-12) for side, full in zip(sides, extent, strict=True)],
        mode=target.interpolation,
        antialias=True,
    )
    upright = orient(resized[0, :, : sides[0], : sides[1]].permute(1, 2, 0).numpy(), orientation)
    whole = math.floor if target.offset == "floor" else round
    top, left = (whole((side - target.size) / 2) for side in upright.shape[:2])
    square = upright[top : top + target.size, left : left + target.size]
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))


def _bound_aspect(
    array: np.ndarray[Any, Any], extent: tuple[float, float]
) -> tuple[np.ndarray[Any, Any], tuple[float, float]]:
    """Cut an extreme panorama to its middle: resized whole, 1 by 30,000 px would become 224 by 6,720,000."""
    height, width = array.shape[:2]
    long = MAX_ASPECT * min(height, width)
    if max(height, width) <= long:
        return array, extent
    start = (max(height, width) - long) // 2
    if width > height:
        return np.ascontiguousarray(array[:, start : start + long]), (extent[0], float(long))
    return np.ascontiguousarray(array[start : start + long]), (float(long), extent[1])
