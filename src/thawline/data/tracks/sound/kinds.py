"""What kind of file holds the sound, by its first bytes: names tell it wrongly, or not at all."""

import os

LIBSNDFILE = ("WAV", "FLAC", "OGG", "MP3", "AU", "AIFF", "CAF", "W64")  # what it reads
# What ffmpeg reads, and what it calls the demuxer: it shall not guess, since some of what it guesses opens other files.
DEMUXERS = {
    "M4A": "mov",
    "AAC": "aac",
    "WMA": "asf",
    "Matroska": "matroska",
    "Monkey's Audio": "ape",
    "WavPack": "wv",
    "AMR": "amr",
    "Speex": "ogg",
    "FLAC in Ogg": "ogg",
    "Ogg with a video": "ogg",
    # Of these, what libsndfile does not know the encoding of.
    "WAV": "wav",
    "AIFF": "aiff",
    "CAF": "caf",
    "W64": "w64",
    "AU": "au",
}

_HEAD = 16  # bytes that tell a kind
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_STARTS = {
    b"fLaC": "FLAC",
    b"OggS": "OGG",
    b".snd": "AU",
    b"RF64": "WAV",
    b"BW64": "WAV",
    b"RIFX": "WAV",
    b"caff": "CAF",
    _W64: "W64",
    b"\x1aE\xdf\xa3": "Matroska",
    b"0&\xb2u": "WMA",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"#!AMR": "AMR",
    b"MThd": "MIDI",
}
_IN_OGG = {
    b"Speex   ": "Speex",
    b"\x7fFLAC": "FLAC in Ogg",
    b"\x80theora": "Ogg with a video",
    b"fishead": "Ogg with a video",
}
_PICTURES = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")  # brands that files of MP4's kind have, too


def sniff(head: bytes) -> str | None:
    """What the first 16 bytes say that a file is ("WAV", "MP3", "AIFF", ...), or None."""
    if head[:4] == b"RIFF":
        return "WAV" if head[8:12] == b"WAVE" else None
    if head[:4] == b"FORM":
        return "AIFF" if head[8:12] in (b"AIFF", b"AIFC") else None
    if head[4:8] == b"ftyp":
        return None if head[8:12] in _PICTURES else "M4A"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        if head[1] & 0x06 == 0:  # no layer: AAC
            return "AAC" if head[1] & 0xF6 == 0xF0 else None
        # A version, a bit rate and a rate that exist; "FF FE" begins text in UTF-16.
        return "MP3" if head[1] & 0x18 != 0x08 and head[2] >> 4 != 15 and head[2] & 0x0C != 0x0C else None
    return next((name for start, name in _STARTS.items() if head.startswith(start)), None)


def kind_of(descriptor: int) -> str | None:
    """What kind of sound an open file holds, behind any tags; None if its first bytes are no sound's."""
    at = behind_tags(descriptor, 0)
    kind = sniff(os.pread(descriptor, _HEAD, at))
    if kind != "OGG":
        return kind
    first = os.pread(descriptor, 8, at + 28)  # behind the head of a page with one segment
    return next((name for start, name in _IN_OGG.items() if first.startswith(start)), kind)


def behind_tags(descriptor: int, at: int) -> int:
    """The byte behind the tags of the kinds ID3v2 and APE that begin at byte `at`; `at` if none does."""
    while True:
        head = os.pread(descriptor, 32, at)
        if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF:
            footer = 10 if head[5] & 0x10 else 0
            at += 10 + footer + _of_seven_bits(head[6:10])
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            is_header = head[23] & 0x20
            at += 32 + (int.from_bytes(head[12:16], "little") if is_header else 0)
        elif head[:3] == b"TAG" and len(os.pread(descriptor, 128, at)) == 128:
            at += 128
        else:
            return at


def _of_seven_bits(four: bytes) -> int:
    """ID3's 28 bits in four bytes."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))


def before_tags(descriptor: int, end: int) -> int:
    """Where the tags of the kinds ID3, APE and Lyrics3 that end at byte `end` begin; `end` if none does."""
    while True:
        tail = os.pread(descriptor, 160, max(0, end - 160))[: min(160, end)]
        if tail[-128:-125] == b"TAG" and len(tail) >= 128:
            size = 128
        elif tail[-32:-24] == b"APETAGEX" and len(tail) >= 32:
            size = int.from_bytes(tail[-20:-16], "little") + (32 if tail[-9] & 0x80 else 0)
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            size = int(tail[-15:-9]) + 15
        elif tail[-10:-7] == b"3DI" and len(tail) >= 10:
            size = 20 + _of_seven_bits(tail[-4:])
        else:
            return end
        if not 0 < size <= end:
            return end
        end -= size
