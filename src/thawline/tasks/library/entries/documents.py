"""Entries in JSON, a list or one a line, read piece by piece.

Python writes NaN into JSON, and so do the libraries of many a program; what is read here may hold it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from thawline.errors import UserError
from thawline.tasks.library.entries.found import RawEntry
from thawline.tasks.library.entries.pieces import read_pieces

MOST: Final = 64 * 1024 * 1024  # characters of one entry
_TAIL = 16  # characters: what a number, a word or an escape may be cut to at the end of what was read so far
_BACK = 8  # characters before an error in which the next entry may begin
_SHOWN = 40  # characters of what could not be read
_BLANK = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")
_NEXT = {True: re.compile(r",\s*(?=\{\s*\")"), False: re.compile(r"\n\s*(?=\{)")}  # where an entry may begin
_UNFINISHED = "the file breaks off here"


def read_documents(path: Path) -> Iterator[RawEntry]:
    """The values of a JSON list, or of JSON lines.

    What can't be read is passed over up to where the next entry seems to begin.

    Raises:
        UserError: The file can't be read, or is neither.
    """
    return _Documents(path).values()


class _Documents:
    """One reading: `text` from `at` on is still to be read, and more may come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pieces = read_pieces(path)
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._text, self._at, self._counted = "", 0, 0
        self._line = 1
        self._ended = False
        self._listed = False

    def values(self) -> Iterator[RawEntry]:
        """See `read_documents`."""
        first = self._next(_BLANK)
        if first not in ("[", "{"):
            raise UserError(
                f"{self._path} is empty; it needs a list of entries"
                if not first
                else f"{self._path} begins with {first!r}; it needs a list of entries in JSON, or an entry a line"
            )
        self._listed = first == "["
        self._at += self._listed
        number = 0
        while first := self._next(_BETWEEN):
            if self._listed and first == "]":
                self._at += 1
                if (after := self._next(_BLANK)) == "":
                    return
                yield RawEntry("the list's end", problem="more follows, and is read as if it were in the list")
                self._at += after == "["
                continue
            number += 1
            place = f"entry {number}" if self._listed else f"line {self._line_now()}"
            shown = self._text[self._at : self._at + _SHOWN]
            value, problem = self._value()
            if problem:
                ended = self._pass_over()
                yield RawEntry(place, problem=problem, shown=shown)
                if ended:
                    return
            else:
                yield RawEntry(place, value)
        if self._listed:
            yield RawEntry("the list's end", problem="the file breaks off before it")

    def _value(self) -> tuple[Any, str]:
        """(the value at `at`, why it can't be read); in the latter case `at` stays within it."""
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated") or not self._text[error.pos :].strip()
                if self._ended or not (unfinished or error.pos >= len(self._text) - _TAIL):
                    reason = _UNFINISHED if unfinished else _reason(error, self._text)
                    # What comes before an error is whole, in a list; an entry a line ends with the line.
                    self._at = max(self._at, error.pos - _BACK) if self._listed else self._at
                    return None, reason
            except RecursionError:
                return None, "lists within lists without end"
            except ValueError:  # Python's limit against texts that take for ever
                return None, "a number of thousands of digits"
            else:
                if end < len(self._text) or self._ended:  # a number might go on
                    self._at = end
                    return value, ""
            if len(self._text) - self._at > MOST:
                return None, f"more than {MOST // 1024 // 1024} million characters, or a text that never ends"
            self._more()

    def _pass_over(self) -> bool:
        """On to where the next entry seems to begin; whether there is none."""
        while (match := _NEXT[self._listed].search(self._text, self._at)) is None:
            if self._ended:
                return True
            self._at = max(self._at, len(self._text) - 1000)
            self._more()
        self._at = match.end()
        return False

    def _next(self, between: re.Pattern[str]) -> str:
        """The next character after what stands `between`; "" at the end."""
        while True:
            match = between.match(self._text, self._at)
            assert match is not None  # noqa: S101  # it matches nothing, too
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more()

    def _more(self) -> None:
        """Read as much again as is left."""
        self._line_now()
        left = self._text[self._at :]
        pieces, length = [left], len(left)
        for piece in self._pieces:
            pieces.append(piece)
            length += len(piece)
            if length >= 2 * len(left):
                break
        else:
            self._ended = True
        self._text, self._at, self._counted = "".join(pieces), 0, 0

    def _line_now(self) -> int:
        if not self._listed:
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
        return self._line


def _reason(error: json.JSONDecodeError, text: str) -> str:
    """What is wrong, without positions: these are of what was read last."""
    if text.startswith("'", error.pos):
        return "no JSON: names and texts stand in double quotes"
    return f"no JSON: {error.msg[0].lower()}{error.msg[1:]}"
