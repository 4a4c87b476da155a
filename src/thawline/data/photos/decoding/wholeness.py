"""Whether all of a picture is there, where the decoder fills up what is missing without a word.

A file that ends in the middle is refused by every decoder. One that says that it has ended before the picture has (cut
short and closed again, or written in part) is not: libjpeg repeats the last colour, and Pillow leaves rows of a PNG
empty. What could be that by its last rows is looked at a second time. libwebp refuses both.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from thawline.data.photos.decoding.headers import Header, jpeg_scans

# Of a JPEG's height. A damaged byte moves what follows, and costs a block or a row at the end: decoders show that.
MISSING = 0.05

# Coded bytes that no picture needs: where a decoder takes them for picture, it changes. No 0xFF, which begins a marker.
_FILLER = bytes((151 * i + 77) % 254 + 1 for i in range(64))
_RESTARTS = [bytes([0xFF, 0xD0 + k]) for k in range(8)]
_EIGHTH = 8
_PIECE = 2**20  # bytes of picture inflated at a time
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's colour type


def missing_of_jpeg(data: bytes, header: Header, last_row: NDArray[np.uint8]) -> str | None:
    """What a JPEG file lacks that libjpeg could decode; None if nothing.

    Args:
        data: The file.
        header: Its header.
        last_row: The lowest row of pixels at any scale, [width] or [width, channels], or two of it that differ.
    """
    if header.waiting and not _is_refined(data, header):
        return "truncated, some of its scans are missing"
    # Of what is missing libjpeg makes one colour. An arithmetic decoder may read on behind the last byte.
    if header.arithmetic or not (last_row == last_row[0]).all():
        return None
    share = _missing_share(data)
    return f"truncated, the lower {round(100 * share)} % are missing" if share > MISSING else None


def _is_refined(data: bytes, header: Header) -> bool:
    """Whether the scans give every coefficient of every component to its last bit; of a sequential file, any."""
    lowest: dict[int, list[int | None]] = {}
    for scan in jpeg_scans(data):
        for component in scan.components:
            bits = lowest.setdefault(component, [None] * 64)
            known = slice(scan.first, scan.last + 1) if header.progressive else slice(None)
            bits[known] = [scan.low_bit if header.progressive else 0] * len(bits[known])
    return len(lowest) == header.components and all(bit == 0 for bits in lowest.values() for bit in bits)


def _missing_share(data: bytes) -> float:
    """The share of rows below which bytes behind the last coded ones would be taken for picture."""
    scan = max(jpeg_scans(data), key=lambda scan: scan.end, default=None)
    if scan is None:
        return 0.0
    # What was coded may end where a restart is due: the decoder then skips everything up to the next one.
    last = max(range(8), key=lambda k: data.rfind(_RESTARTS[k], scan.start, scan.end))
    filler = _FILLER + _RESTARTS[(last + 1) % 8 if _RESTARTS[last] in data[scan.start : scan.end] else 0] + _FILLER
    rows, filled = (_rough(each) for each in (data, data[: scan.end] + filler + data[scan.end :]))
    differs = np.flatnonzero((rows != filled).any(axis=1))
    return 1 - int(differs[0]) / len(rows) if len(differs) else 0.0


def _rough(data: bytes) -> NDArray[np.uint8]:
    """The brightness at an eighth of the scale, [height, width], for which libjpeg needs each block's mean only."""
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft("L", (max(1, image.width // _EIGHTH), max(1, image.height // _EIGHTH)))
    return np.asarray(image.convert("L"))


def missing_of_png(data: bytes, last_rows: NDArray[np.generic]) -> str | None:
    """What a PNG file lacks that Pillow could decode; None if nothing.

    Args:
        data: The file.
        last_rows: The lowest two rows as they are stored, or the only one: [rows, width, ...]. Interlaced files end
            with the odd rows.
    """
    if last_rows.reshape(len(last_rows), -1).any(axis=1).all():
        return None
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    pixel = depth * _CHANNELS[colour]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in passes]
    expected = sum(rows * (1 + -(-columns * pixel // 8)) for columns, rows in sizes if columns > 0 and rows > 0)
    found = _inflated(data, expected)
    missing = 1 - found / expected
    return f"truncated, {max(1, round(100 * missing))} % are missing" if missing else None


def _inflated(data: bytes, most: int) -> int:
    """How many bytes of picture a PNG file holds, counted up to `most`."""
    count = 0
    stream = zlib.decompressobj()
    with suppress(zlib.error):  # what comes before it counts
        for piece in _image_data(data):
            rest = piece
            while rest and count < most and not stream.eof:
                count += len(stream.decompress(rest, _PIECE))
                rest = stream.unconsumed_tail
    return min(count, most)


def _image_data(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
