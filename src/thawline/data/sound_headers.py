"""How long a sound file says that it is, which libsndfile mends or guesses without a word."""

import os
import struct

from thawline.data.decoding import UnusableError

_UNKNOWN_SIZE = 0x7FFF0000  # programs that write to a pipe put this or more where the size of the data belongs
_OGG_PAGE = 2**16  # bytes, more than any page has
_PIECE = 2**20  # bytes of an MP3 that are read at a time

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


def stated_seconds(descriptor: int, kind: str, found: float | None) -> float | None:
    """What the file itself says of its length; its position stays.

    Args:
        descriptor: of the open file.
        kind: "WAV", "FLAC", "OGG", "MP3" or "AU".
        found: seconds that libsndfile expects; None if it cannot know.

    Returns:
        Seconds, or None if the file does not say.

    Raises:
        UnusableError: an OGG file ends within a page, or a file within its header.
    """
    try:
        if kind == "MP3":
            return _stated_by_mp3(descriptor, found)
        if kind == "OGG":
            _check_last_page(descriptor)
        if found is None:
            return None
        if kind == "WAV":
            return _stated_by_wav(descriptor, found)
        if kind == "AU":
            start, size = struct.unpack(">4xII", os.pread(descriptor, 12, 0))
            return _scaled(found, size, _size(descriptor) - start)
    except struct.error as error:
        raise UnusableError(f"broken {kind}: it ends within its header") from error
    return found


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def _scaled(found: float, stated: int, there: int) -> float | None:
    """Seconds of `stated` bytes where `there` bytes are `found` seconds."""
    if stated >= _UNKNOWN_SIZE or stated == 0:
        return None
    return found * max(1.0, stated / there) if there > 0 else found


def _stated_by_wav(descriptor: int, found: float) -> float | None:
    """By the size of the chunk that holds the sound."""
    order = {b"RIFF": "<", b"RIFX": ">"}.get(os.pread(descriptor, 4, 0))
    if order is None:  # RF64, whose sizes of 64 bits are not looked into
        return found
    at = 12
    while True:
        name, size = struct.unpack(f"{order}4sI", os.pread(descriptor, 8, at))
        at += 8
        if name == b"data":
            return _scaled(found, size, _size(descriptor) - at)
        at += size + size % 2


def _check_last_page(descriptor: int) -> None:
    """Refuse an OGG file whose last page is not whole: libsndfile takes the page before for the end."""
    tail = os.pread(descriptor, _OGG_PAGE, max(0, _size(descriptor) - _OGG_PAGE))
    at = tail.rfind(b"OggS")
    if at < 0:
        return
    segments = tail[at + 26] if at + 26 < len(tail) else 0
    lengths = tail[at + 27 : at + 27 + segments]
    if at + 27 + segments + sum(lengths) > len(tail):
        raise UnusableError("broken OGG: it ends in the middle of a page, so a part is missing")


def _stated_by_mp3(descriptor: int, found: float | None) -> float | None:
    """What the first frame says, if it says how many there are; otherwise the frames are counted.

    libsndfile takes a guess by the size of the first frame, and stops there: of a file with a variable bit rate it may
    give a third.
    """
    head = os.pread(descriptor, 10, 0)
    at = 0
    if head[:3] == b"ID3" and len(head) == 10:  # 28 bits in four bytes
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    first = os.pread(descriptor, 512, at)
    if any(name in first for name in (b"Xing", b"Info", b"VBRI")):
        return found
    return _count_mp3(descriptor, at)


def _count_mp3(descriptor: int, at: int) -> float | None:
    """Seconds of the frames that follow each other from byte `at`; None if there are none."""
    seconds = 0.0
    piece, begin = b"", at
    while True:
        if at + 4 > begin + len(piece):
            piece, begin = os.pread(descriptor, _PIECE, at), at
        frame = _mp3_frame(piece[at - begin : at - begin + 4])
        if frame is None:
            return seconds or None
        at += frame[0]
        if at > _size(descriptor):
            return seconds or None
        seconds += frame[1]


def _mp3_frame(head: bytes) -> tuple[int, float] | None:
    """(bytes, seconds) of the frame that begins with these four bytes; None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)  # version 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    kbits = _KBITS[version == 3, layer][bits - 1]
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 3 else 576
    slot = 4 if layer == 1 else 1
    return (samples // 8 // slot * kbits * 1000 // hertz + padding) * slot, samples / hertz
