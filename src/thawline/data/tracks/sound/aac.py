"""The frames of an AAC file (ADTS), which ffmpeg decodes around whatever is missing."""

import math

from thawline.data.tracks.sound.frames import Frame, Walk
from thawline.data.tracks.sound.kinds import behind_tags

_HEAD = 6  # bytes that say how long a frame is
_SEARCHED = 2**22  # bytes behind the tags in which the first frame must begin


def damage(descriptor: int) -> str | None:
    """What is wrong with an AAC file's frames, one phrase; None if nothing is. The file's position stays."""
    walk = Walk(descriptor, _frame, _HEAD)
    first = walk.search(behind_tags(descriptor, 0), _SEARCHED)
    if first is None:
        return "nothing in it can be decoded"
    walk.follow(first, math.inf)
    return walk.damage


def _frame(head: bytes) -> Frame | None:
    """The frame that begins with these six bytes; None if none does."""
    if len(head) < _HEAD or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return Frame((head[1] & 8) << 8 | head[2] & 0xFC, size, 1024, 1) if size > _HEAD else None
