"""Parts of a file, one behind another, for a decoder to read as if they were a file."""

import os
from bisect import bisect_right
from collections.abc import Sequence

_BUFFER = 2**16  # bytes that are read ahead of the decoder


class PartsFile:
    """Some bytes in memory, then parts of an open file, whose position stays.

    Attributes:
        error: what the disk said; the decoder lets no error through, so that reading ends there.
    """

    def __init__(self, descriptor: int, parts: Sequence[tuple[int, int]], front: bytes = b"") -> None:
        """Take of the file of `descriptor` the bytes of `parts`, each from and to, behind `front`."""
        self.error: OSError | None = None
        self._descriptor, self._front, self._parts = descriptor, front, tuple(parts)
        self._starts = [len(front)]
        for begin, end in parts:
            self._starts.append(self._starts[-1] + end - begin)
        self._at = 0
        self._piece, self._begin = b"", 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of a file."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._starts[-1]}[whence]
        return self._at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def read(self, count: int) -> bytes:
        """As of a file."""
        got = b""
        while len(got) < count and (some := self._some(self._at, count - len(got))):
            got += some
            self._at += len(some)
        return got

    def _some(self, at: int, count: int) -> bytes:
        if at < len(self._front):
            return self._front[at : at + count]
        part = bisect_right(self._starts, at) - 1
        if part >= len(self._parts):
            return b""
        if not self._begin <= at < self._begin + len(self._piece):
            size = min(_BUFFER, self._starts[part + 1] - at)
            try:
                self._piece = os.pread(self._descriptor, size, self._parts[part][0] + at - self._starts[part])
            except OSError as error:
                self.error = error
                return b""
            self._begin = at
        return self._piece[at - self._begin : at - self._begin + count]
