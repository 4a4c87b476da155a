"""One pass over photos that yields their facts and their features: each file is read and decoded once at most."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from thawline.data.listing import Listed
from thawline.data.photos import PhotoFacts, read_photo
from thawline.encoders.encoder import Features
from thawline.features.ahead import forget, stop, take
from thawline.features.files import FileIndex, Seen, Stamp, stamps_of
from thawline.features.filling import BATCH, CPU, Sample, Threads, fill, threads
from thawline.features.plan import Leg, Plan
from thawline.features.progress import bar
from thawline.features.rows import Rows
from thawline.features.store import FeatureStore, Shelf
from thawline.features.wanted import Target, Wanted

_REMEMBER = 2 * BATCH  # files read between two writes of what was found


@dataclass(frozen=True)
class Counts:
    """How many features of a target a survey computed (one for each content), and how many it found in the store."""

    computed: int
    read: int


@dataclass(frozen=True)
class Survey:
    """What is known of some photos.

    Attributes:
        facts: By `Listed.name`.
        counts: What became of each target; empty if no features were asked for.
        opened: Files that were opened, to be hashed or decoded.
        seconds: That all this took, waiting for others included.
    """

    facts: Mapping[str, PhotoFacts]
    counts: Mapping[Target, Counts]
    opened: int
    seconds: float

    @property
    def computed(self) -> int:
        """Features that this run computed, over all targets."""
        return sum(counts.computed for counts in self.counts.values())

    @property
    def read(self) -> int:
        """Features that were found in the store, over all targets."""
        return sum(counts.read for counts in self.counts.values())

    def rows(self, names: Sequence[str], target: Target | None = None) -> Rows:
        """The features of photos without a problem, by `Listed.name`, in this order.

        Args:
            names: Of the photos.
            target: Which of the features; None: the only target's.
        """
        if target is None:
            if len(self.counts) != 1:
                raise RuntimeError(f"the survey was asked for {len(self.counts) or 'no'} features: which are meant?")
            target = next(iter(self.counts))
        return target.shelf.rows([self.facts[name].digest for name in names])


def survey(photos: Sequence[Listed], store: FeatureStore, wanted: Wanted | None = None) -> Survey:
    """Find the facts of all photos, and fill the targets' shelves with the features of those that have none yet.

    What is unchanged and stored is not read, and a feature is computed from the highest ones below it that are stored.
    A file that cannot be read now has a problem in this run, whatever was known of it. One process fills a shelf,
    others wait for it and find the features there.

    Args:
        photos: From `list_photos`.
        store: Keeps features and what is known of files.
        wanted: The features to compute; None: only facts.
    """
    start = time.monotonic()
    stop()
    work = _Pass(store, wanted)
    computed: Counter[Shelf] = Counter()
    unread = work.look_up(photos)
    if unread and wanted is None:
        with threads(CPU) as workers, bar("reading photos", "photos", len(unread)) as advance:
            for _ in work.read(unread, workers, advance):
                pass
    elif unread and wanted is not None:
        with _filling(wanted):
            unread = work.look_up(photos)
            with threads(wanted.device) as workers, bar("computing features", "photos", len(unread)) as advance:
                computed = fill(
                    work.read(unread, workers, advance),
                    workers=workers,
                    device=wanted.device,
                    owed=lambda shelf: work.owed[shelf],
                    advance=advance,
                )
    forget()
    usable = len({facts.digest for facts in work.facts.values() if facts.problem is None})
    targets = wanted.targets if wanted else ()
    return Survey(
        facts={photo.name: work.facts[photo.name] for photo in photos},
        counts={target: Counts(computed[target.shelf], usable - computed[target.shelf]) for target in targets},
        opened=work.opened,
        seconds=time.monotonic() - start,
    )


@contextmanager
def _filling(wanted: Wanted) -> Iterator[None]:
    """Be the one process that fills the targets' shelves.

    Everyone asks for the locks in one order, so that no two processes ever wait for each other. All of them are taken,
    also those of shelves that seem full: a file that was not read yet may lack any of them.
    """
    with ExitStack() as stack:
        for target in sorted(wanted.targets, key=lambda target: target.shelf.id):
            stack.enter_context(target.shelf.filling())
        yield


@dataclass(frozen=True)
class _Look:
    """What one photo gave.

    Attributes:
        facts: The photo's.
        inputs: What enters each leg of what its content lacks.
        stamp: The file's, if it was opened and did not change meanwhile.
        opened: Whether the file was opened.
    """

    facts: PhotoFacts
    inputs: Mapping[Leg, Features] = field(default_factory=dict)
    stamp: Stamp | None = None
    opened: bool = True


class _Pass:
    """What a survey knows so far. The main thread changes it; the threads that read only look."""

    def __init__(self, store: FeatureStore, wanted: Wanted | None) -> None:
        self.index = FileIndex(store.root)
        self.wanted = wanted
        self.plan: Plan | None = None
        self.facts: dict[str, PhotoFacts] = {}
        self.begun: set[str] = set()  # digests whose features are on the way
        self.sizes: set[int] = set()
        self.lacking: dict[str, tuple[Target, ...]] = {}  # by photos' names, what they surely lack
        self.owed: Counter[Shelf] = Counter()  # how many times each shelf stands in `lacking`
        self.opened = 0

    def look_up(self, photos: Sequence[Listed]) -> list[Listed]:
        """Recall what is known, and say which photos must be looked at."""
        stamps = stamps_of(photos)
        known = self.index.recall(stamps)
        self.facts = {photo.name: known[photo.path] for photo in photos if photo.path in known}
        self.sizes = self.index.sizes()
        self.plan = Plan(self.wanted) if self.wanted else None
        unread = [photo for photo in photos if photo.name not in self.facts or self._lacks(self.facts[photo.name])]
        sizes = {photo.name: stamps[photo.path].size for photo in unread if photo.path in stamps}
        self._count(sizes)
        return unread

    def read(self, photos: Sequence[Listed], workers: Threads, advance: Callable[[int], None]) -> Iterator[Sample]:
        """Look at photos ahead of their use; give what must be computed, each content once."""
        seen: list[Seen] = []
        for photo, future in _ahead(workers, self._look, photos):
            look = future.result()
            self.facts[photo.name] = look.facts
            self.owed.subtract(target.shelf for target in self.lacking.pop(photo.name, ()))
            self.opened += look.opened and bool(look.facts.digest)
            if look.stamp and look.facts.digest:
                seen.append(Seen(photo.path, look.stamp, look.facts))
            if len(seen) == _REMEMBER:
                self.index.remember(seen)
                seen.clear()
            if self.plan is None or not look.inputs or look.facts.digest in self.begun:
                advance(1)
            else:
                self.begun.add(look.facts.digest)
                yield Sample(look.facts.digest, {self.plan.chain(leg): one for leg, one in look.inputs.items()})
        self.index.remember(seen)

    def _count(self, sizes: Mapping[str, int]) -> None:
        """Note what photos surely lack: of each known content once, and everything of a file of a new size."""
        targets = self.wanted.targets if self.wanted else ()
        digests = {self.facts[name].digest: name for name in sizes if name in self.facts}
        self.lacking = {name: self._lacks(self.facts[name]) for name in digests.values()}
        self.lacking |= {name: targets for name, size in sizes.items() if size not in self.sizes}
        self.owed = Counter(target.shelf for lacking in self.lacking.values() for target in lacking)

    def _lacks(self, facts: PhotoFacts) -> tuple[Target, ...]:
        """The targets that are still to be filled for a photo of these facts."""
        if self.plan is None or facts.problem is not None or facts.digest in self.begun:
            return ()
        return self.plan.missing(facts.digest)

    def _suffices(self, facts: PhotoFacts) -> bool:
        """Whether a photo of these facts need not be decoded."""
        return self.plan is None or not self._lacks(facts) or not self.plan.needs_file(facts.digest)

    def _look(self, photo: Listed) -> _Look:
        """Look at one photo, opening the file only for what is neither known nor stored."""
        known = self.facts.get(photo.name)
        if known and self._suffices(known):
            return _Look(known, self._inputs(known), opened=False)
        preprocessing = self.wanted.preprocessing if self.wanted else None
        if early := take(photo.path, preprocessing):
            return self._looked(photo.path, early.stamp, early.facts, early.pixels)
        before = Stamp.found(photo.path)
        # It may have been moved or touched: hashing it costs far less than decoding it.
        if known is None and before and before.size in self.sizes:
            facts = self._hashed(photo.path)
            if facts and self._suffices(facts):
                return _Look(facts, self._inputs(facts), before)
        return self._looked(photo.path, before, *read_photo(photo.path, preprocessing))

    def _looked(self, path: Path, before: Stamp | None, facts: PhotoFacts, pixels: Tensor | None) -> _Look:
        """What a photo gave that was read; its stamp counts if it is still the same."""
        after = Stamp.found(path)
        stamp = before if before and after and before.same(after) else None
        return _Look(facts, self._inputs(facts, pixels), stamp)

    def _inputs(self, facts: PhotoFacts, pixels: Tensor | None = None) -> Mapping[Leg, Features]:
        """What enters each leg of what a photo of these facts lacks."""
        return self.plan.inputs(facts.digest, pixels) if self.plan and self._lacks(facts) else {}

    def _hashed(self, path: Path) -> PhotoFacts | None:
        """The facts of a file whose content was read before, here or elsewhere."""
        with suppress(OSError):
            return self.index.facts(_digest(path))
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ahead(
    workers: Threads, look: Callable[[Listed], _Look], photos: Sequence[Listed]
) -> Iterator[tuple[Listed, Future[_Look]]]:
    """Look at photos in order, with no more than a few batches of pixels waiting."""
    waiting: deque[tuple[Listed, Future[_Look]]] = deque()
    for photo in photos:
        waiting.append((photo, workers.read.submit(look, photo)))
        if len(waiting) == 2 * BATCH + workers.count:
            yield waiting.popleft()
    yield from waiting
