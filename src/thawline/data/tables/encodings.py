"""Bytes of a table or a list as text, whatever program wrote it."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from thawline.errors import UserError

# What files of other kinds begin with.
_FOREIGN = {
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or an archive",
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"\x1f\x8b": "compressed by gzip",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "a database",
    b"%PDF": "a PDF",
    b"\xff\xd8\xff": "a photo",
    b"\x89PNG": "a photo",
}
# UTF-32 first, since its mark begins as that of UTF-16 does.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MANY = 4096  # bytes that are looked at for zeros
# Bytes that are not of the encoding, as `surrogateescape` writes them.
UNDECODED = re.compile("[\udc80-\udcff]")
_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x19\x1b\x7f]")


@dataclass(frozen=True)
class Decoded:
    """A file's text.

    Attributes:
        text: Bytes that are not of its encoding stand in it as `surrogateescape` writes them, if `damaged`.
        damaged: Whether there are such bytes, in a text that is UTF-8 otherwise.
        note: A sentence for whoever gave the file; "" if there is nothing to say.
    """

    text: str
    damaged: bool = False
    note: str = ""


def read_bytes(path: Path) -> bytes:
    """The bytes of the file `path`.

    Raises:
        UserError: It can't be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; check the path") from None
    except (OSError, ValueError) as error:  # the latter of a NUL byte in the name
        raise UserError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None


def read_text(path: Path) -> Decoded:
    """The text of the file `path`, which is no table, see `decode`."""
    return decode(path, read_bytes(path), better="text in UTF-8")


def decode(path: Path, data: bytes, *, better: str = "CSV UTF-8") -> Decoded:
    """`data` as text: UTF-8, UTF-16 and UTF-32 with their marks or without, otherwise Windows-1252, which is said.

    Args:
        path: The file that it is from, for messages.
        data: All of its bytes.
        better: What it should be saved as.

    Raises:
        UserError: It is no text.
    """
    encoding = encoding_of(path, data, better=better)
    try:
        return Decoded(data.decode(encoding).rstrip("\x1a"))
    except UnicodeDecodeError as error:
        if not encoding.startswith("utf-8"):
            raise UserError(
                f"{path} is in {encoding.upper()[:6]} and breaks off or is damaged at byte {error.start}; "
                f"save it as {better}"
            ) from None
        return _not_utf8(path, data.removeprefix(codecs.BOM_UTF8), error, better)


def encoding_of(path: Path, data: bytes, *, better: str) -> str:
    """The encoding that the first bytes of a file tell.

    Args:
        path: The file, for messages.
        data: How it begins, or all of it.
        better: What it should be saved as.

    Raises:
        UserError: It is no text.
    """
    foreign = next((what for start, what in _FOREIGN.items() if data.startswith(start)), None)
    encoding = _by_start(data)
    if foreign is None and encoding == "utf-8" and data[:_MANY].count(0) > len(data[:_MANY]) // 8:
        foreign = "binary"
    if foreign:
        raise UserError(f"{path} is {foreign}, not text; save it as {better}")
    return encoding


def _by_start(data: bytes) -> str:
    """The encoding that the first bytes tell: those of a header, which begins with letters of ASCII."""
    marked = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), None)
    if marked is not None:
        return marked
    zeros = [byte == 0 for byte in data[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else "utf-8"


def _not_utf8(path: Path, data: bytes, error: UnicodeDecodeError, better: str) -> Decoded:
    """A text of another encoding, or one in UTF-8 of which some bytes are broken."""
    text = data.decode("utf-8", "surrogateescape")
    broken = len(UNDECODED.findall(text))
    if sum(character > "\x7f" for character in text) > 2 * broken:  # most of what is not ASCII is UTF-8
        return Decoded(text, damaged=True)
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = "\x01"
    if _CONTROLS.search(text):
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not in UTF-8 (line {line}: byte 0x{error.object[error.start]:02x}); save it as {better}"
        )
    return Decoded(
        text,
        note=f"{path.name} is not in UTF-8 and was read as Windows-1252 (cp1252); if letters are wrong, save it as "
        f"{better}",
    )
