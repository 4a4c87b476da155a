"""The frames of an MPEG audio file (MP3, MP2), whatever lies before, between and behind them.

libsndfile looks for the first frame where the file begins, and takes the number of frames for what the first one's size
makes likely: it calls files broken that every player plays, and stops early in those of a variable bit rate. So the
frames are found here, and it decodes them alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from thawline.data.tracks.sound.frames import HOLE, Frame, Walk
from thawline.data.tracks.sound.kinds import behind_tags

# ISO/IEC 11172-3 and 13818-3: kbit/s by (MPEG 1 or not, layer), and Hz of MPEG 1.
_KBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_BEFORE = 2**22  # bytes behind the tags in which the first frame must begin
_OFF = 2  # frames that an index may count wrongly: itself, or the last


@dataclass(frozen=True)
class Frames:
    """Where the frames of a file are.

    Attributes:
        runs: bytes from and to, of frames one behind another.
        front: a frame without sound that tells the decoder how many follow; empty for the layers that have none.
        rate: Hz.
        stated: samples of each channel that the file says or shows to have; None if `front`, its own, is to tell that.
        damage: what is wrong with them, one phrase; None if nothing is.
    """

    runs: tuple[tuple[int, int], ...]
    front: bytes
    rate: int
    stated: int | None
    damage: str | None


def find_frames(descriptor: int, most: float) -> Frames | None:
    """Follow the frames from the first to the last.

    Args:
        descriptor: of the open file; its position stays.
        most: seconds after which to stop.

    Returns:
        None if there are none.
    """
    walk = Walk(descriptor, frame_of)
    first = walk.search(behind_tags(descriptor, 0), _BEFORE)
    if first is None:  # a tag whose size is wrong
        first = walk.search(4, _BEFORE)
    if first is None:
        return None
    walk.follow(first, most)
    return _with_front(walk)


@lru_cache(4096)
def frame_of(head: bytes) -> Frame | None:
    """The frame that begins with these four bytes; None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)  # version 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bits == 15 or rate == 3:
        return None
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 3 else 576
    slot = 4 if layer == 1 else 1
    kbits = _KBITS[version == 3, layer][bits - 1] if bits else 0
    size = (samples // 8 // slot * kbits * 1000 // hertz + padding) * slot
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    stream = (head[1] & 0x1E) << 8 | (head[2] & 0x0C) << 4 | (not bits)
    return Frame(stream, size, samples, hertz, layer, side)


class _Index(NamedTuple):
    """A first frame without sound: "Xing" (or "Info") or "VBRI", and how many frames it counts."""

    kind: str
    frames: int | None


def _with_front(walk: Walk) -> Frames | None:
    """What the walk found, with a first frame that tells the decoder truly how many follow."""
    runs = [(begin, end) for begin, end in walk.runs if begin < end]
    frame = walk.frame
    if frame is None or not runs:
        return None
    begin, end = runs[0]
    size = walk.size_of(begin)
    first = walk.read(begin, size)
    held = sum(end - begin for begin, end in runs)
    index, count = _index(first, frame), walk.count
    if index:
        count -= 1
        runs[0] = (begin + size, end)
        if index.kind == "Xing" and index.frames is not None and index.frames + _OFF >= count:
            return Frames(tuple(runs), _with_size(first, held), frame.rate, None, HOLE if walk.damaged else None)
    if not count:
        return None
    stated = max(count, index.frames or 0 if index and index.kind == "VBRI" else 0) * frame.samples
    front = _index_frame(first, frame, count) if frame.layer == 3 else b""
    return Frames(tuple(runs), front, frame.rate, stated, walk.damage)


def _index(data: bytes, frame: Frame) -> _Index | None:
    """What a first frame counts, if it is an index."""
    if frame.layer != 3:
        return None
    for at in (4 + frame.side, 6 + frame.side):  # a checksum of two bytes may lie between
        if data[at : at + 4] in (b"Xing", b"Info"):
            flags, frames = struct.unpack(">II", data[at + 4 : at + 12].ljust(8, b"\0"))
            return _Index("Xing", frames if flags & 1 else None)
    if data[36:40] == b"VBRI":
        return _Index("VBRI", int.from_bytes(data[50:54], "big"))
    return None


def _with_size(index: bytes, size: int) -> bytes:
    """A Xing frame whose size of the whole is `size`, lest the decoder print a warning."""
    at = max(index.find(b"Xing"), index.find(b"Info")) + 4
    flags = int.from_bytes(index[at : at + 4], "big")
    if not flags & 2:
        return index
    at += 4 + 4 * (flags & 1)
    return index[:at] + struct.pack(">I", size & 0xFFFFFFFF) + index[at + 4 :]


def _index_frame(head: bytes, frame: Frame, count: int) -> bytes:
    """A frame of the same stream without sound that says how many frames follow."""
    for bits in range(1, 15):
        made = bytes((head[0], head[1] | 1, bits << 4 | head[2] & 0x0D, head[3]))
        said = made + bytes(frame.side) + b"Xing" + struct.pack(">II", 1, count)
        whole = frame_of(made)
        if whole and whole.size >= len(said):
            return said.ljust(whole.size, b"\0")
    raise AssertionError("the largest frames have room for an index")
