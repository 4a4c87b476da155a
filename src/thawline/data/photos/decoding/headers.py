"""What the first bytes of an image file say: its format, its size, and what decoding it takes."""

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

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
READABLE = ("JPEG", "PNG", "WEBP")
HEAD = 32  # bytes that tell the format

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # frame headers; these three are tables and an extension
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_ARITHMETIC = tuple(range(0xC9, 0xD0))
_SOS, _EOI = 0xDA, 0xD9
_BARE = (0x01, *range(0xD0, 0xD9))  # markers without a length
_COEFFICIENT_BYTES = 2
_JUNK = 2**16  # bytes before a marker that are skipped, as decoders do
_MARKER = re.compile(rb"\xff[^\x00\xff]")
# The end of entropy-coded bytes: a marker that is neither an escaped 0xFF nor a restart.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


@dataclass(frozen=True)
class Header:
    """An image file's header.

    Attributes:
        kind: "JPEG", "PNG" or "WEBP".
        width: px, as stored; 0 where it can't be told.
        height: like `width`.
        waiting: bytes a pixel that the decoder keeps until it has read the whole file: a progressive JPEG's
            coefficients; 0 where it gives row after row.
        components: of a JPEG.
        progressive: whether a JPEG's scans refine each other.
        arithmetic: whether a JPEG's bits are coded arithmetically rather than by Huffman's tables.
    """

    kind: str
    width: int
    height: int
    waiting: float = 0.0
    components: int = 0
    progressive: bool = False
    arithmetic: bool = False

    @property
    def pixels(self) -> int:
        """How many."""
        return self.width * self.height


@dataclass(frozen=True)
class Scan:
    """One scan of a JPEG file: which components, coefficients and bits it has, and where its coded bytes lie."""

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    start: int
    end: int


def sniff(data: bytes) -> str | None:
    """What the first bytes say that a file is ("JPEG", "PNG", "WEBP", "HEIC", ...), or None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12])
    return next((name for start, name in _STARTS.items() if data.startswith(start)), None)


def read_header(file: BinaryIO) -> Header | None:
    """The header of a JPEG, PNG or WebP file, as far as it can be read; None of any other."""
    file.seek(0)
    head = file.read(HEAD)
    kind = sniff(head)
    if kind not in READABLE:
        return None
    header = None
    with suppress(struct.error, IndexError):  # it ends within the header
        if kind == "PNG":
            header = Header(kind, *struct.unpack(">II", head[16:24]))
        else:
            header = _jpeg(file) if kind == "JPEG" else _webp(head)
    return header or Header(kind, 0, 0)


def _jpeg(file: BinaryIO) -> Header | None:
    file.seek(2)
    frame: Header | None = None
    while (marker := _next_marker(file)) is not None:
        if marker in _BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if length < 2:
            return None
        if marker == _SOS:
            # Where a scan has some of the components only, the decoder keeps all until the others have come.
            at_once = frame and not frame.progressive and file.read(1)[0] == frame.components
            return replace(frame, waiting=0.0) if frame and at_once else frame
        if marker in _SOF:
            frame = _frame(marker, file.read(length - 2))
        else:
            file.seek(length - 2, 1)
    return None


def _next_marker(file: BinaryIO) -> int | None:
    start = file.tell()
    found = _MARKER.search(file.read(2))
    if found is None:
        file.seek(start)
        found = _MARKER.search(file.read(_JUNK))
    if found is None:
        return None
    file.seek(start + found.end())
    return found[0][1]


def _frame(marker: int, body: bytes) -> Header:
    """What a frame header says, given without its length."""
    height, width, components = struct.unpack(">HHB", body[1:6])
    samplings = [divmod(body[7 + 3 * i], 16) for i in range(components)]
    most = max((across for across, _ in samplings), default=1) * max((down for _, down in samplings), default=1)
    share = sum(across * down for across, down in samplings) / max(1, most)
    waiting = _COEFFICIENT_BYTES * share
    return Header("JPEG", width, height, waiting, components, marker in _PROGRESSIVE, marker in _ARITHMETIC)


def jpeg_scans(data: bytes) -> Iterator[Scan]:
    """The scans of a JPEG file, up to its end or to where nothing can be made of it."""
    at = 2
    while (marker := _MARKER.search(data, at)) and (code := marker[0][1]) != _EOI:
        at = marker.start()
        if code in _BARE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if code == _SOS:
            start, after = at, _AFTER_SCAN.search(data, at)
            at = after.start() if after else len(data)
            if len(body) < 4:
                return
            *_, first, last, bits = body
            yield Scan(tuple(body[1:-3:2]), first, last, bits & 15, start, at)


def _webp(head: bytes) -> Header | None:
    """The canvas of an extended file, or the size of the only picture, lossless or lossy."""
    match head[12:16]:
        case b"VP8X":
            width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
        case b"VP8L":
            (bits,) = struct.unpack("<I", head[21:25])
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = (size & 0x3FFF for size in struct.unpack("<HH", head[26:30]))
        case _:
            return None
    return Header("WEBP", width, height)
