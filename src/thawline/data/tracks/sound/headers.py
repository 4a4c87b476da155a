"""How long a file of uncompressed or nearly uncompressed sound says that it is: libsndfile goes by what is there."""

import os
import struct

from thawline.errors import UnusableError

_UNKNOWN_SIZE = 0x7FFF0000  # programs that write to a pipe put this or more where the size of the data belongs
_UNKNOWN_SIZE_64 = 2**62
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def stated_seconds(descriptor: int, kind: str, found: float | None) -> float | None:
    """What the file itself says of its length; its position stays.

    Args:
        descriptor: of the open file.
        kind: "WAV", "AIFF", ...
        found: seconds that libsndfile expects; None if it cannot know.

    Returns:
        Seconds, or None if the file does not say.

    Raises:
        UnusableError: the file ends within its header.
    """
    if found is None:
        return None
    try:
        sized = {"WAV": _of_wav, "AIFF": _of_aiff, "W64": _of_w64, "AU": _of_au}.get(kind)
        return _scaled(found, descriptor, *sized(descriptor)) if sized else found
    except struct.error as error:
        raise UnusableError(f"broken {kind}: it ends within its header") from error


def _scaled(found: float, descriptor: int, start: int, stated: int | None) -> float | None:
    """Seconds of `stated` bytes where those from `start` to the file's end are `found` seconds."""
    if not stated:
        return None
    there = os.fstat(descriptor).st_size - start
    return found * max(1.0, stated / there) if there > 0 else found


def _of_au(descriptor: int) -> tuple[int, int | None]:
    start, size = struct.unpack(">4xII", os.pread(descriptor, 12, 0))
    return start, size if size < _UNKNOWN_SIZE else None


def _of_wav(descriptor: int) -> tuple[int, int | None]:
    """Where the chunk that holds the sound begins, and its size if it says so."""
    order = ">" if os.pread(descriptor, 4, 0) == b"RIFX" else "<"
    at, large = 12, None
    while True:
        name, size = struct.unpack(f"{order}4sI", os.pread(descriptor, 8, at))
        at += 8
        if name == b"ds64":  # RF64 and BW64, whose sizes have 64 bits
            (large,) = struct.unpack("<8xQ", os.pread(descriptor, 16, at))
        if name == b"data" and large is not None and size == 2**32 - 1:
            return at, large if large < _UNKNOWN_SIZE_64 else None
        if name == b"data":
            return at, size if size < _UNKNOWN_SIZE else None
        at += size + size % 2


def _of_aiff(descriptor: int) -> tuple[int, int | None]:
    at = 12
    while True:
        name, size = struct.unpack(">4sI", os.pread(descriptor, 8, at))
        at += 8
        if name == b"SSND":
            return at + 8, max(0, size - 8) if size < _UNKNOWN_SIZE else None
        at += size + size % 2


def _of_w64(descriptor: int) -> tuple[int, int | None]:
    at = 40
    while True:
        name, size = struct.unpack("<16sQ", os.pread(descriptor, 24, at))
        if name == _W64_DATA:
            return at + 24, size - 24 if 24 <= size < _UNKNOWN_SIZE_64 else None
        at += max(24, size + -size % 8)
