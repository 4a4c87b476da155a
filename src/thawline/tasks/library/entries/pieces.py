"""A file's text, piece by piece."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from thawline.data.tables.encodings import encoding_of
from thawline.errors import UserError

_PIECE = 1 << 20  # bytes
_HEAD = 4096


def open_library(path: Path) -> BinaryIO:
    """The file, opened.

    Raises:
        UserError: It can't be.
    """
    try:
        if path.is_dir():
            inside = next((at for at in sorted(path.glob("*.json*")) if at.is_file() and at.name[0] != "."), None)
            hint = f", {inside} say" if inside else ", a JSON, CSV or Parquet"
            raise UserError(f"{path} is a folder; name the file with the library's entries{hint}")
        return path.open("rb")
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; check the path") from None
    except (OSError, ValueError) as error:  # the latter of a NUL byte in the name
        raise UserError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None


def read_pieces(path: Path) -> Iterator[str]:
    """The text of a file in UTF-8, UTF-16 or UTF-32, a megabyte at a time.

    Bytes that are not of its encoding become lone surrogates (`surrogateescape`), of UTF-16 and UTF-32 the mark U+FFFD.

    Raises:
        UserError: It can't be read, or is no text.
    """
    with open_library(path) as file:
        piece = file.read(_PIECE)
        encoding = encoding_of(path, piece[:_HEAD], better="JSON or CSV in UTF-8")
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        while piece:
            yield decoder.decode(piece)
            try:
                piece = file.read(_PIECE)
            except OSError as error:
                raise UserError(f"{path} can't be read to its end: {error.strerror}") from None
        yield decoder.decode(b"", final=True)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a file, with their ends whatever these are, see `read_pieces`."""
    with open_library(path) as file:
        encoding = encoding_of(path, file.read(_HEAD), better="CSV UTF-8")
        file.seek(0)
        errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
        with io.TextIOWrapper(file, encoding, errors, newline="") as text:
            yield from text
