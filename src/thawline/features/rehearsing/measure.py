"""What a stretch of a network costs, and what an index takes on disk."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thawline.encoders.encoder import Features
from thawline.features.passes.computing import Prefix
from thawline.features.store.index import ShelfIndex, add
from thawline.features.store.rows import Column
from thawline.features.wanted import Wanted

_INDEXED = 2000  # rows by which an index's size is measured


class Segments:
    """Seconds of the processor in each stretch of a network, and the rows that went through."""

    def __init__(self, wanted: Wanted[Any], batch: int) -> None:
        self._prefix, self._batch = wanted.prefix, batch
        self._lock = threading.Lock()
        self.seconds: defaultdict[tuple[int, int], float] = defaultdict(float)
        self.rows: Counter[tuple[int, int]] = Counter()

    def prefix(self, start: int, cut: int) -> Prefix:
        """The prefix between two borders, watched."""
        through = self._prefix(start, cut)

        def watched(features: Features) -> Features:
            before = time.thread_time()
            leaving = through(features)
            with self._lock:
                self.seconds[start, cut] += time.thread_time() - before
                self.rows[start, cut] += self._batch
            return leaving

        return watched

    @property
    def all(self) -> float:
        """Seconds of all that went through."""
        return sum(self.seconds.values())

    def forget(self) -> None:
        """Begin anew."""
        self.seconds.clear()
        self.rows.clear()

    def of(self, start: int, cut: int) -> float:
        """Seconds of one row between two borders, as far as they were measured."""
        inside = [key for key in self.seconds if start <= key[0] and key[1] <= cut]
        return sum(self.seconds[key] / self.rows[key] for key in inside)


def index_bytes(columns: Sequence[Column], rows: int, *, new: bool) -> int:
    """Bytes by which a shelf's index grows, measured on one that is thrown away."""
    some = min(rows, _INDEXED)
    with tempfile.TemporaryDirectory() as folder:
        index = ShelfIndex(Path(folder), read_only=False)
        index.prepare()
        with index.opened() as db:
            db.execute("PRAGMA synchronous = OFF")
            before = index.path.stat().st_size
            for start in range(0, some, 16):
                batch = range(start, min(start + 16, some))
                digests = [secrets.token_hex(32) for _ in batch]
                add(db, columns, digests, start, [secrets.randbits(63) for _ in batch])
        size = index.path.stat().st_size
    grown = (size - before) * rows // some
    return grown + (before if new else 0)
