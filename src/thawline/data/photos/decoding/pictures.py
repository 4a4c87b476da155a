"""The bytes of a JPEG, PNG or WebP file to RGB pixels; whatever is wrong with them becomes one phrase."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from thawline.compiler import defer_compiler
from thawline.data.photos.decoding.budget import IN_FLIGHT
from thawline.data.photos.decoding.headers import READABLE, Header, jpeg_scans, read_header, sniff
from thawline.data.photos.decoding.wholeness import missing_of_jpeg, missing_of_png
from thawline.data.photos.preprocessing import MAX_MEGAPIXELS
from thawline.errors import TooLargeError, UnusableError

# How many scans the largest picture may have; a smaller one more. Encoders make ten or so, and each takes its time.
MAX_SCANS = 20
MAX_BLOCK = 2**30  # bytes, more than any file that is read
STRIP = 2**20  # pixels that are converted at a time
# Pillow makes five copies of a WebP picture, torchvision's decoder, which takes a second to import, two or three.
PILLOWS_WEBP = 2**23  # pixels
_PNG_BYTES, _PILLOWS_WEBP_BYTES, _WEBP_BYTES = 4, 20, 11  # a pixel

# The classes are called directly: `Image.open` judges sizes by a global limit that other libraries may change, warns
# below it, and hands phones' multi-picture JPEGs to another class.
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
# EXIF orientation: which of (height, width) to reverse; before that, 5 to 8 swap the two.
_FLIPS = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}


class Picture:
    """A decoded picture that is given as RGB a strip at a time, so that a large one is in memory once.

    Alpha lies over white, 16 bits are scaled to 8; the orientation is left as stored.

    Attributes:
        size: (width, height), px.
    """

    def __init__(self, source: Image.Image | NDArray[np.uint8], kind: str | None = None) -> None:
        """Take a loaded image of any mode, or pixels [height, width, 3 or 4]; `kind` is for messages."""
        self._kind = kind
        self._source = source
        self.size = source.size if isinstance(source, Image.Image) else (source.shape[1], source.shape[0])
        if self.size[0] * self.size[1] <= STRIP:
            self._source = self.rgb((0, 0, *self.size))

    def rgb(self, box: tuple[int, int, int, int] | None = None) -> Image.Image:
        """The part (left, top, right, bottom), or all of it, in mode RGB.

        Raises:
            UnusableError: Its colours make no sense.
        """
        try:
            if box is not None:
                return self._part(box)
            if isinstance(self._source, Image.Image) and _is_rgb(self._source):
                return self._source
            return self._joined()
        except MemoryError:
            raise
        except Exception as error:  # Pillow raises SyntaxError, OSError, ValueError, RuntimeError, struct.error, ...
            raise _broken(self._kind, error) from error

    def grey_strips(self, box: tuple[int, int, int, int] | None = None) -> Iterator[Image.Image]:
        """A part of it, or all, in mode L, from above."""
        left, top, right, bottom = box or (0, 0, *self.size)
        for start, end in strips(right - left, bottom - top):
            yield self.rgb((left, top + start, right, top + end)).convert("L")

    def _part(self, box: tuple[int, int, int, int]) -> Image.Image:
        if isinstance(self._source, Image.Image):
            whole = box == (0, 0, *self.size)
            return _to_rgb(self._source if whole else self._source.crop(box))
        left, top, right, bottom = box
        return _to_rgb(Image.fromarray(np.ascontiguousarray(self._source[top:bottom, left:right])))

    def _joined(self) -> Image.Image:
        joined = Image.new("RGB", self.size)
        for top, bottom in strips(*self.size):
            joined.paste(self.rgb((0, top, self.size[0], bottom)), (0, top))
        return joined


def strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """(top, bottom) of strips of a picture, each of about `STRIP` pixels."""
    rows = max(1, STRIP // max(1, width))
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


class Opened:
    """A JPEG, PNG or WebP file whose header was read.

    Attributes:
        data: The file.
        header: What its first bytes say.
    """

    def __init__(self, data: bytes, header: Header, image: ImageFile.ImageFile | None) -> None:
        """Take what `open_image` made; no image for a WebP file that is left to torchvision."""
        self.data = data
        self.header = header
        self._image = image

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what `decode` will give, px."""
        return self._image.size if self._image else (self.header.width, self.header.height)

    def again(self) -> Opened:
        """The same file, not reduced."""
        return Opened(self.data, self.header, None if self._image is None else _open(self.data, self.header.kind))

    def reduce(self, side: int) -> None:
        """Have a JPEG decoded at a half, a quarter or an eighth, where both sides keep at least `side` pixels."""
        if self._image:
            self._image.draft(None, (side, side))

    def decode(self) -> Picture:
        """Decode it, once.

        Raises:
            UnusableError: The pixels cannot be decoded, or not all of them are there.
        """
        kind = self.header.kind
        try:
            if self._image is None:
                return Picture(_torchvision_webp(self.data), kind)
            if kind == "JPEG":
                # The whole file in one call: between the usual pieces of 64 KB a thread waits for the interpreter.
                self._image.decodermaxblock = MAX_BLOCK
            self._image.load()
            missing = self._missing(self._image)
        except MemoryError:  # says something of the machine, not of the file
            raise
        except Exception as error:  # as above
            raise _broken(kind, error) from error
        if missing:
            raise UnusableError(f"broken {kind}: {missing}")
        return Picture(self._image, kind)

    def decode_fast(self) -> Picture | None:
        """A JPEG in full by torchvision, about twice as fast as Pillow; None where it should be left to Pillow.

        Raises:
            UnusableError: Not all of the pixels are there.
        """
        if self.header.kind != "JPEG" or self._image is None or self._image.mode not in ("RGB", "L"):
            return None
        import torch

        defer_compiler()
        from torchvision.io import ImageReadMode, decode_jpeg

        try:
            decoded = decode_jpeg(torch.frombuffer(bytearray(self.data), dtype=torch.uint8), mode=ImageReadMode.RGB)
        except RuntimeError:  # stricter than Pillow about some files that both can show
            return None
        array: NDArray[np.uint8] = decoded.permute(1, 2, 0).numpy()
        if missing := missing_of_jpeg(self.data, self.header, array[-1]):
            raise UnusableError(f"broken JPEG: {missing}")
        return Picture(array, "JPEG")

    def exif(self) -> dict[int, Any]:
        """The tags that can be parsed; that some can't is no reason to drop a photo. Decode a PNG first."""
        try:
            exif = self._image.getexif() if self._image else _webp_exif(self.data)
            return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        except Exception:  # parsing foreign bytes: struct.error, SyntaxError, ValueError, KeyError, ...
            return {}

    def orientation(self) -> int:
        """Which side is up: EXIF's 1 to 8, as stored. Decode a PNG first."""
        value = self.exif().get(ExifTags.Base.Orientation, 1)
        return value if isinstance(value, int) else 1

    def _missing(self, image: ImageFile.ImageFile) -> str | None:
        width, height = image.size
        if self.header.kind == "JPEG":
            ends = [image.getpixel((x, height - 1)) for x in (0, width - 1)]
            # Two colours tell of most rows that they have more than one.
            row = np.array(ends) if ends[0] != ends[1] else np.asarray(image.crop((0, height - 1, width, height)))[0]
            return missing_of_jpeg(self.data, self.header, row)
        if self.header.kind == "PNG":
            return missing_of_png(self.data, np.asarray(image.crop((0, max(0, height - 2), width, height))))
        return None


def open_image(
    data: bytes, max_megapixels: float = MAX_MEGAPIXELS, side: int | None = None, header: Header | None = None
) -> Opened:
    """Read the header only; `Opened.decode` gives the pixels.

    Args:
        data: the file.
        max_megapixels: of the largest picture.
        side: px that a JPEG will be reduced to while it is decoded; None: it will not.
        header: what `read_header` says of the file, where it was asked before.

    Raises:
        UnusableError: not a JPEG, PNG or WebP file, or a broken header.
        TooLargeError: more pixels than `max_megapixels`, or more memory or scans than go with it.
    """
    if not data:
        raise UnusableError("empty file")
    kind = sniff(data)
    if kind not in READABLE:
        what = f"{kind} is not supported" if kind else "not an image"
        raise UnusableError(f"{what} (JPEG, PNG and WebP are)")
    header = header or read_header(io.BytesIO(data))
    check_size(header, side, max_megapixels)
    if header and header.waiting and header.pixels:
        _check_scans(data, header, max_megapixels)
    if header and header.kind == "WEBP" and header.pixels > PILLOWS_WEBP:
        return Opened(data, header, None)
    image = _open(data, kind)
    if header is None or not header.pixels:
        header = Header(kind, *image.size)
        check_size(header, side, max_megapixels)
    if image.size != (header.width, header.height):
        raise UnusableError(f"broken {kind}: it has two sizes")
    return Opened(data, header, image)


def check_size(header: Header | None, side: int | None, max_megapixels: float) -> None:
    """Refuse a picture of more than `max_megapixels`, or one that takes as much memory as a PNG of more.

    Raises:
        TooLargeError: It is.
    """
    if header is None:
        return
    takes = decoding_bytes(header, side)
    many = header.pixels > max_megapixels * 10**6
    if many or (header.pixels and takes > max_megapixels * 10**6 * _PNG_BYTES):
        what = f"too large: {header.width} by {header.height} pixels"
        limit = f"more than data.max_megapixels={max_megapixels:g}"
        raise TooLargeError(
            f"{what}, {limit}" if many else f"{what} that take {takes >> 20} MiB to decode, {limit} allows"
        )


def _check_scans(data: bytes, header: Header, max_megapixels: float) -> None:
    """Refuse a JPEG whose scans, each of which goes over all blocks, would take longer than the largest picture."""
    most = max(MAX_SCANS, MAX_SCANS * max_megapixels * 10**6 / max(1, header.pixels))
    if data.count(b"\xff\xda") > most:  # may be other things as well, which is seldom and cheap to find
        scans = sum(1 for _ in jpeg_scans(data))
        if scans > most:
            raise TooLargeError(
                f"too large: {header.width} by {header.height} pixels in {scans} scans, more than "
                f"data.max_megapixels={max_megapixels:g} allows"
            )


def decoding_bytes(header: Header | None, side: int | None) -> int:
    """What decoding takes at most besides the file, as long as no array of the whole picture is asked for.

    Args:
        header: The file's.
        side: px that a JPEG is reduced to at least; None: not at all.
    """
    if header is None:
        return 0
    if not header.pixels:
        return IN_FLIGHT
    if header.kind == "WEBP":
        return header.pixels * (_PILLOWS_WEBP_BYTES if header.pixels <= PILLOWS_WEBP else _WEBP_BYTES)
    scale = 1
    if header.kind == "JPEG" and side:
        scale = max(s for s in (1, 2, 4, 8) if s == 1 or min(header.width, header.height) >= s * side)
    return int(_PNG_BYTES * header.pixels / scale**2 + header.waiting * header.pixels)


def _open(data: bytes, kind: str) -> ImageFile.ImageFile:
    try:
        return _OPENERS[kind](io.BytesIO(data))
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise _broken(kind, error) from error


def _broken(kind: str | None, error: Exception) -> UnusableError:
    reason = str(error).strip().splitlines()
    return UnusableError(f"broken {kind}: {reason[0] if reason else type(error).__name__}")


def _is_rgb(image: Image.Image) -> bool:
    return image.mode == "RGB" and not image.has_transparency_data


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to 255 instead of scaling
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def orient(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn `array` [height, width, ...] upright by its EXIF orientation (1 to 8; others mean 1); a view."""
    if is_lying(orientation):
        array = array.swapaxes(0, 1)
    flips = _FLIPS.get(orientation)
    return array if flips is None else np.flip(array, axis=flips)


def is_lying(orientation: int) -> bool:
    """Whether an EXIF orientation swaps width and height."""
    return orientation in (5, 6, 7, 8)


def stored_box(box: tuple[int, int, int, int], size: tuple[int, int], orientation: int) -> tuple[int, int, int, int]:
    """Where (left, top, right, bottom) of an upright picture of `size` (width, height) lies in what is stored."""
    left, top, right, bottom = box
    flips = _FLIPS.get(orientation, ())
    if 0 in flips:
        top, bottom = size[1] - bottom, size[1] - top
    if 1 in flips:
        left, right = size[0] - right, size[0] - left
    return (top, left, bottom, right) if is_lying(orientation) else (left, top, right, bottom)


def _torchvision_webp(data: bytes) -> NDArray[np.uint8]:
    import torch

    defer_compiler()
    from torchvision.io import ImageReadMode, decode_webp

    decoded = decode_webp(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.UNCHANGED)
    array: NDArray[np.uint8] = decoded.permute(1, 2, 0).numpy()
    return array


def _webp_exif(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            exif.load(data[at + 8 : at + 8 + length])
            break
        at += 8 + length + length % 2
    return exif
