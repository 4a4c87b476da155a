"""The pages of an Ogg file: each carries a number and a checksum, so that none goes missing unnoticed.

libsndfile passes over pages that are missing or damaged, and takes the last whole page for the end.
"""

import os
import zlib
from collections.abc import Iterator

from thawline.data.tracks.sound.frames import HOLE

_PIECE = 2**20  # bytes that are read at a time
_HEAD = 27  # bytes of a page before its table of segments
_LARGEST = _HEAD + 255 + 255 * 255
_FIRST_OF_STREAM = 0x02
# A page's checksum is that of zlib with the bits of each byte, and of the result, the other way round.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def damage(descriptor: int) -> str | None:
    """What is wrong with an Ogg file's pages, one phrase; None if nothing is. The file's position stays."""
    due: dict[bytes, int] = {}  # the number of each stream's next page
    gap = False
    for _, page in _pages(descriptor):
        if page is None:
            gap = True
            continue
        if gap and due:  # what is no page lies before this one, not behind the last
            return HOLE
        segments = page[26] if len(page) > _HEAD else 0
        if len(page) < _HEAD + segments + sum(page[_HEAD : _HEAD + segments]):
            return "it ends in the middle of a page, so a part is missing"
        stream, number = page[14:18], int.from_bytes(page[18:22], "little")
        if stream in due and number != due[stream] and not page[5] & _FIRST_OF_STREAM:
            return HOLE
        if _checksum(page) != int.from_bytes(page[22:26], "little"):
            return HOLE
        due[stream] = number + 1 & 0xFFFFFFFF
    return None


def links(descriptor: int) -> list[tuple[int, int]]:
    """Where each of the recordings that lie one behind another begins and ends; libsndfile stops after the first."""
    starts, headers = [0], True
    for at, page in _pages(descriptor):
        is_first = page is not None and len(page) > _HEAD and bool(page[5] & _FIRST_OF_STREAM)
        if is_first and not headers:
            starts.append(at)
        headers = is_first
    return list(zip(starts, [*starts[1:], os.fstat(descriptor).st_size], strict=True))


def _pages(descriptor: int) -> Iterator[tuple[int, bytes | None]]:
    """Where each page begins, and the page, the last perhaps cut short; None where something else lies."""
    at = 0
    piece, begin = b"", 0
    while True:
        if at + _LARGEST > begin + len(piece):
            piece, begin = os.pread(descriptor, _PIECE, at), at
        place = at - begin
        if place >= len(piece):
            return
        if not b"OggS".startswith(piece[place : place + 4]):
            yield at, None
            found = piece.find(b"OggS", place)
            at = begin + (found if found >= 0 else max(place + 1, len(piece) - 3))
            continue
        segments = piece[place + 26] if place + 26 < len(piece) else 0
        size = _HEAD + segments + sum(piece[place + _HEAD : place + _HEAD + segments])
        yield at, piece[place : place + size]
        at += size


def _checksum(page: bytes) -> int:
    """By the polynomial 0x04C11DB7, from 0, with zeros in place of the checksum itself."""
    data = (page[:22] + bytes(4) + page[26:]).translate(_REVERSED)
    crc = zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)
