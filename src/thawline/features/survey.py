"""One pass over photos that yields their facts and their features: each file is read and decoded once at most."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from thawline.data.listing import Listed
from thawline.data.photos import PhotoFacts, read_photo
from thawline.data.preprocessing import Preprocessing
from thawline.encoders.encoder import Features
from thawline.features.files import FileIndex, Seen, Stamp
from thawline.features.filling import BATCH, CPU, Prefix, Threads, fill, threads
from thawline.features.progress import bar
from thawline.features.rows import Rows
from thawline.features.store import FeatureStore, Shelf

_REMEMBER = 2 * BATCH  # files read between two writes of what was found

View = Callable[[torch.Tensor, str], torch.Tensor]
Look = tuple[PhotoFacts, torch.Tensor | None, Stamp | None]


@dataclass(frozen=True)
class Wanted:
    """Which features a survey is to yield.

    Attributes:
        shelf: Where they are kept.
        prefix: The frozen network, on `device` and in eval mode; it is given {"pixels": uint8 [B, 3, size, size]}.
        preprocessing: What the pixels go through.
        device: Where `prefix` lies.
        view: Pixels and digest of a photo to the pixels of an augmented view, a pure function; None: the plain view.
    """

    shelf: Shelf
    prefix: Prefix
    preprocessing: Preprocessing
    device: torch.device = CPU
    view: View | None = None


@dataclass(frozen=True)
class Survey:
    """What is known of some photos.

    Attributes:
        facts: By `Listed.name`.
        shelf: Where their features are; None if none were asked for.
        computed: Features that this run computed: one for each content, however many files have it.
        read: Features that were found in the store.
        opened: Files that were opened, to be hashed or decoded.
        seconds: That all this took, waiting for others included.
    """

    facts: Mapping[str, PhotoFacts]
    shelf: Shelf | None
    computed: int
    read: int
    opened: int
    seconds: float

    def rows(self, names: Sequence[str]) -> Rows:
        """The features of photos without a problem, by `Listed.name`, in this order."""
        if self.shelf is None:
            raise RuntimeError("the survey was asked for no features")
        return self.shelf.rows([self.facts[name].digest for name in names])


def survey(photos: Sequence[Listed], store: FeatureStore, wanted: Wanted | None = None) -> Survey:
    """Find the facts of all photos, and fill the shelf with the features of those that have none yet.

    What is unchanged and stored is not read. A file that cannot be read now has a problem in this run, whatever was
    known of it. One process fills a shelf, others wait for it and find the features there.

    Args:
        photos: From `list_photos`.
        store: Keeps features and what is known of files.
        wanted: The features to compute; None: only facts.
    """
    start = time.monotonic()
    work = _Pass(store, wanted)
    unread = work.look_up(photos)
    if unread and wanted is None:
        with threads(CPU) as workers, bar("reading photos", "photos", len(unread)) as advance:
            for _ in work.read(unread, workers, advance):
                pass
    elif unread and wanted is not None:
        with wanted.shelf.filling():
            unread = work.look_up(photos)
            with threads(wanted.device) as workers, bar("computing features", "photos", len(unread)) as advance:
                work.computed = fill(
                    wanted.shelf,
                    wanted.prefix,
                    work.read(unread, workers, advance),
                    workers=workers,
                    device=wanted.device,
                    more=lambda: len(work.new),
                    advance=advance,
                )
    usable = {facts.digest for facts in work.facts.values() if facts.problem is None}
    return Survey(
        facts={photo.name: work.facts[photo.name] for photo in photos},
        shelf=wanted.shelf if wanted else None,
        computed=work.computed,
        read=len(usable) - work.computed if wanted else 0,
        opened=work.opened,
        seconds=time.monotonic() - start,
    )


class _Pass:
    """What a survey knows so far. The main thread changes it; the threads that read only look."""

    def __init__(self, store: FeatureStore, wanted: Wanted | None) -> None:
        self.index = FileIndex(store.root)
        self.wanted = wanted
        self.facts: dict[str, PhotoFacts] = {}
        self.held: set[str] = set()  # digests that have features, or are about to
        self.sizes: set[int] = set()
        self.new: set[str] = set()  # names of photos that surely have no features yet
        self.computed = 0
        self.opened = 0

    def look_up(self, photos: Sequence[Listed]) -> list[Listed]:
        """Recall what is known, and say which photos must be read."""
        stamps = {}
        for photo in photos:
            with suppress(OSError):
                stamps[photo.path] = Stamp.of(photo.path)
        known = self.index.recall(stamps)
        self.facts = {photo.name: known[photo.path] for photo in photos if photo.path in known}
        self.sizes = self.index.sizes()
        self.held = self.wanted.shelf.digests() if self.wanted else set()
        unread = [photo for photo in photos if photo.name not in self.facts or not self._has(self.facts[photo.name])]
        sizes = {photo.name: stamps[photo.path].size for photo in unread if photo.path in stamps}
        self.new = {name for name, size in sizes.items() if name in self.facts or size not in self.sizes}
        return unread

    def read(
        self, photos: Sequence[Listed], workers: Threads, advance: Callable[[int], None]
    ) -> Iterator[tuple[str, Features]]:
        """Read photos ahead of their use; give digest and pixels of those whose features must be computed."""
        seen: list[Seen] = []
        for photo, future in _ahead(workers, self._look, photos):
            facts, pixels, stamp = future.result()
            self.facts[photo.name] = facts
            self.new.discard(photo.name)
            self.opened += bool(facts.digest)
            if stamp and facts.digest:
                seen.append(Seen(photo.path, stamp, facts))
            if len(seen) == _REMEMBER:
                self.index.remember(seen)
                seen.clear()
            if pixels is None or facts.digest in self.held:
                advance(1)
            else:
                self.held.add(facts.digest)
                yield facts.digest, {"pixels": pixels}
        self.index.remember(seen)

    def _has(self, facts: PhotoFacts) -> bool:
        """Whether nothing is left to do for a photo of these facts."""
        return self.wanted is None or facts.problem is not None or facts.digest in self.held

    def _look(self, photo: Listed) -> Look:
        """Read one file: facts, pixels if they are needed, and its stamp if it did not change meanwhile."""
        before = after = None
        with suppress(OSError):
            before = Stamp.of(photo.path)
            # It may have been moved or touched: hashing it costs far less than decoding it.
            if photo.name not in self.facts and before.size in self.sizes:
                facts = self.index.facts(_digest(photo.path))
                if facts and self._has(facts):
                    return facts, None, before
        facts, pixels = read_photo(photo.path, self.wanted.preprocessing if self.wanted else None)
        if pixels is not None and self.wanted and self.wanted.view and facts.digest not in self.held:
            pixels = self.wanted.view(pixels, facts.digest)
        with suppress(OSError):
            after = Stamp.of(photo.path)
        return facts, pixels, before if before and after and before.same(after) else None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ahead(
    workers: Threads, look: Callable[[Listed], Look], photos: Sequence[Listed]
) -> Iterator[tuple[Listed, Future[Look]]]:
    """Look at photos in order, with no more than a few batches of pixels waiting."""
    waiting: deque[tuple[Listed, Future[Look]]] = deque()
    for photo in photos:
        waiting.append((photo, workers.read.submit(look, photo)))
        if len(waiting) == 2 * BATCH + workers.count:
            yield waiting.popleft()
    yield from waiting
