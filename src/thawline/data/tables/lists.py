"""A list of paths as another program writes it, read as it comes."""

import codecs
import os
from collections.abc import Iterator

from thawline.data.tables.places import Finder
from thawline.errors import UserError

_CHUNK = 1 << 16  # bytes that are read at once
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_list(descriptor: int, *, nul: bool, finder: Finder) -> Iterator[str]:
    """The paths in the list that is read from `descriptor`, one a line, as they come; blank lines are left out.

    Lines may end in CRLF, and the list may be in UTF-8 with a mark, in UTF-16 with one, or in Windows-1252.

    Args:
        descriptor: Of an open file.
        nul: Whether a NUL stands between paths, instead of a newline.
        finder: Finds what is not there as it is written; what it doesn't find is given as it is written.

    Raises:
        UserError: Paths are separated by NUL, and `nul` is false.
    """
    for line in _lines(_as_utf8(_chunks(descriptor)), b"\0" if nul else b"\n"):
        if b"\0" in line:
            raise UserError("the list on standard input is separated by NUL; give nul=true")
        if path := os.fsdecode(line) if nul else _path(line, finder):
            yield path


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, _CHUNK):
        yield chunk


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes without a mark, those of UTF-16 as UTF-8."""
    first = next(chunks, b"")
    while 0 < len(first) < len(codecs.BOM_UTF8) and (more := next(chunks, b"")):
        first += more
    if not first.startswith(_MARKS):
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    yield decoder.decode(first).encode()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()


def _lines(chunks: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(separator)
        yield from filter(None, lines)
    if rest:
        yield rest


def _path(line: bytes, finder: Finder) -> str:
    """The path that a line names; "" if the line is blank."""
    written = os.fsdecode(line)
    if os.path.lexists(written):
        return written
    plain = os.fsdecode(line.removesuffix(b"\r"))
    for meant in dict.fromkeys((plain, plain.strip(" \t\"'"), _by_windows(line).strip(" \t\r\"'"))):
        if (spelt := finder.spelt(meant)) is not None:
            return spelt
    return plain if plain.strip() else ""


def _by_windows(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")
