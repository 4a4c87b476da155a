"""Frames that follow each other in a file, whatever lies before, between and behind them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from thawline.data.tracks.sound.kinds import before_tags, behind_tags

HOLE = "a part in its middle is missing or damaged"

_PIECE = 2**20  # bytes that are looked through at a time
_CHAIN = 3  # frames one behind another that random bytes do not make
_FREE = 8192  # bytes, more than a frame of a free format has


class Frame(NamedTuple):
    """What a frame's first bytes say.

    Attributes:
        stream: the bits that all frames of one stream share; the last is set where an MP3's format is free.
        size: bytes; of a free format only the padding, as the rest is not said.
        samples: of each channel.
        rate: Hz.
        layer: of an MP3, 1, 2 or 3.
        side: of an MP3 of layer 3, bytes between the four and the sound.
    """

    stream: int
    size: int
    samples: int
    rate: int
    layer: int = 0
    side: int = 0


class Walk:
    """The way through a file from frame to frame."""

    def __init__(self, descriptor: int, parse: Callable[[bytes], Frame | None], head: int = 4) -> None:
        """Go through an open file, whose position stays; `parse` makes a frame of its first `head` bytes."""
        self._descriptor, self._parse, self._head = descriptor, parse, head
        self._piece, self._begin = b"", 0
        self.size = os.fstat(descriptor).st_size
        self.end = before_tags(descriptor, self.size)
        self.frame: Frame | None = None  # the first
        self.runs: list[tuple[int, int]] = []
        self.count = 0
        self.torn = self.damaged = False
        self._free = 0  # bytes of a frame without padding, where the format is free

    def search(self, at: int, most: int) -> int | None:
        """Where the next frame begins that others follow, or the end; None if none does within `most` bytes."""
        stop = min(self.end, at + most)
        while (at := self._find_sync(at, stop)) < stop:
            if self._is_first(at):
                return at
            at += 1
        return None

    def follow(self, at: int, most: float) -> None:
        """Go from the frame at `at` to the last."""
        first = self._frame(at)
        assert first is not None  # noqa: S101
        self.frame = first
        limit = most * first.rate / first.samples
        begin = last = at
        while self.count < limit:
            size = self.size_of(at)
            if size and at + size <= self.end:
                self.count += 1
                last, at = at, at + size
                continue
            if size or at + self._head > self.end:
                self.torn = self.end == self.size and self.read(at, 1) == b"\xff"
                break
            # Not a frame: a tag of a file that was joined on, damage, or what lies behind the last.
            tagged = behind_tags(self._descriptor, at)
            found = self.search(tagged if tagged > at else last + 4, self.size)
            if found is None:
                break
            if tagged == at:
                self.damaged = True
            if found < at:  # the last frame is not whole
                self.count -= 1
            self.runs.append((begin, last if found < at else at))
            begin = last = at = found
        self.runs.append((begin, at))

    @property
    def damage(self) -> str | None:
        """What is wrong with the frames, one phrase; None if nothing is."""
        return HOLE if self.damaged else "it ends in the middle of a frame, so a part is missing" if self.torn else None

    def read(self, at: int, count: int) -> bytes:
        """Some bytes of the file."""
        if not self._begin <= at <= at + count <= self._begin + len(self._piece):
            self._piece, self._begin = os.pread(self._descriptor, max(_PIECE, count), at), at
        return self._piece[at - self._begin : at - self._begin + count]

    def _find_sync(self, at: int, stop: int) -> int:
        while at < stop:
            self.read(at, 1)
            found = self._piece.find(b"\xff", at - self._begin)
            if found >= 0:
                return self._begin + found
            at = self._begin + len(self._piece)
            if not self._piece:
                return stop
        return at

    def _frame(self, at: int) -> Frame | None:
        return self._parse(self.read(at, self._head)) if at + self._head <= self.end else None

    def size_of(self, at: int) -> int:
        """The bytes of the stream's frame at `at`; 0 if there is none."""
        frame = self._frame(at)
        if frame is None or self.frame is None or frame.stream != self.frame.stream:
            return 0
        return frame.size + self._free

    def _is_first(self, at: int) -> bool:
        """Whether frames of one stream, that of those before if there are any, begin at `at`."""
        frame = self._frame(at)
        if frame is None or (self.frame and frame.stream != self.frame.stream):
            return False
        if not frame.stream & 1:
            return self._is_chain(at, frame, frame.size)
        known = [self._free] if self.frame else self._distances(at, frame)
        for size in known:
            if self._is_chain(at, frame, frame.size + size, size):
                self._free = size
                return True
        return False

    def _distances(self, at: int, frame: Frame) -> list[int]:
        """How far the frame at `at` may reach, less its padding, where its format is free."""
        data = self.read(at, min(_FREE, self.end - at))
        starts = [i for i in range(4, len(data) - 4) if data[i] == 0xFF and data[i + 1] == data[1]]
        return [
            i - frame.size for i in starts if (next_ := self._parse(data[i : i + 4])) and next_.stream == frame.stream
        ]

    def _is_chain(self, at: int, first: Frame, size: int, free: int = 0) -> bool:
        for _ in range(_CHAIN - 1):
            at += size
            if at == self.end:
                return True
            frame = self._frame(at)
            if frame is None or frame.stream != first.stream:
                return False
            size = frame.size + free
        return True
