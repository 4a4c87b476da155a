"""One pass over files that yields their facts and their features: each is read and decoded once at most."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from thawline.encoders.encoder import Features
from thawline.features.ahead import forget, stop
from thawline.features.computing import CPU, samples_at_once
from thawline.features.files import FileIndex, Seen, Stamp, stamps_of
from thawline.features.filling import BATCH, Sample, Threads, fill, threads
from thawline.features.kinds import F, File
from thawline.features.later import importing_meanwhile
from thawline.features.media import Medium
from thawline.features.plan import Leg, Plan
from thawline.features.progress import bar
from thawline.features.store.rows import Rows
from thawline.features.store.store import FeatureStore, Shelf, healing
from thawline.features.wanted import Target, Wanted
from thawline.files import digest_of

_REMEMBER = 2 * BATCH  # files read between two writes of what was found


@dataclass(frozen=True)
class Counts:
    """How many features of a target a survey computed (one for each content), and how many it found in the store."""

    computed: int
    read: int


@dataclass(frozen=True)
class Kept:
    """The features of some samples, each compared with its checksum."""

    rows: Rows
    at: Mapping[str, int]

    def of(self, digests: Sequence[str]) -> Rows:
        """Those of `digests`, in that order."""
        return self.rows.of([self.at[digest] for digest in digests])


@dataclass(frozen=True)
class Survey(Generic[F]):
    """What is known of some files.

    Attributes:
        medium: What they are.
        facts: By the files' names.
        counts: What became of each target; empty if no features were asked for.
        kept: The features of all usable files, by target.
        opened: Files that were opened, to be hashed or decoded.
        seconds: That all this took, waiting for others included.
    """

    medium: Medium[F]
    facts: Mapping[str, F]
    counts: Mapping[Target, Counts]
    kept: Mapping[Target, Kept]
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
        """The features of files without a problem, by name, in this order; of a track those of each window in turn.

        Args:
            names: Of the files.
            target: Which of the features; None: the only target's.
        """
        if target is None:
            if len(self.counts) != 1:
                raise RuntimeError(f"the survey was asked for {len(self.counts) or 'no'} features: which are meant?")
            target = next(iter(self.counts))
        return self.kept[target].of([digest for name in names for digest in self.medium.rows(self.facts[name])])


def survey(
    files: Sequence[File], store: FeatureStore, wanted: Wanted[F] | Medium[F], *, later: Sequence[str] = ()
) -> Survey[F]:
    """Find the facts of all files, and fill the targets' shelves with the features of those that have none yet.

    What is unchanged and stored is not read, and a feature is computed from the highest ones below it that are stored.
    A file that cannot be read now has a problem in this run, whatever was known of it. One process fills a shelf,
    others wait for it and find the features there.

    Args:
        files: Of a collection, each under a name of its own.
        store: Keeps features and what is known of files.
        wanted: The features to compute; a medium alone: only facts.
        later: Modules that are needed after this, which are imported while features are computed.
    """
    start = time.monotonic()
    stop()
    medium = wanted.medium if isinstance(wanted, Wanted) else wanted
    targets = wanted.targets if isinstance(wanted, Wanted) else ()
    computed: Counter[Shelf] = Counter()
    opened = 0

    def attempt() -> tuple[_Pass[F], list[str], dict[Target, Kept]]:
        nonlocal opened
        work = _Pass(store, medium, wanted if isinstance(wanted, Wanted) else None)
        try:
            _go_over(files, work, computed, later)
        finally:
            opened += work.opened
        usable = [row for facts in work.facts.values() if facts.problem is None for row in medium.rows(facts)]
        usable = list(dict.fromkeys(usable))
        at = {digest: i for i, digest in enumerate(usable)}
        return work, usable, {target: Kept(target.shelf.rows(usable), at) for target in targets}

    try:
        work, usable, kept = healing(attempt)
    finally:
        forget()
    return Survey(
        medium=medium,
        facts={file.name: work.facts[file.name] for file in files},
        counts={t: Counts(computed[t.shelf], max(0, len(usable) - computed[t.shelf])) for t in targets},
        kept=kept,
        opened=opened,
        seconds=time.monotonic() - start,
    )


def _go_over(files: Sequence[File], work: _Pass[F], computed: Counter[Shelf], later: Sequence[str]) -> None:
    """Read what is not known, and compute what is not stored, counting that in `computed`."""
    wanted, medium = work.wanted, work.medium
    unread = work.look_up(files)
    if unread and wanted is not None:
        with _filling(wanted):
            unread = work.look_up(files)
            if wanted.build is not None and work.may_compute(unread):
                wanted.build()
            with (
                threads(wanted.device) as workers,
                bar("computing features", medium.unit, len(unread)) as advance,
                importing_meanwhile(later if unread else ()),
            ):
                fill(
                    work.read(unread, workers, advance),
                    workers=workers,
                    device=wanted.device,
                    owed=lambda shelf: work.owed[shelf],
                    advance=advance,
                    batch=samples_at_once(medium.batch, wanted.device),
                    computed=computed,
                    compiled=wanted.compiles(len(unread)),
                )
    elif unread:
        with threads(CPU) as workers, bar(f"reading {medium.unit}", medium.unit, len(unread)) as advance:
            for _ in work.read(unread, workers, advance):
                pass


@contextmanager
def _filling(wanted: Wanted[F]) -> Iterator[None]:
    """Be the one process that fills the targets' shelves.

    Everyone asks for the locks in one order, so that no two processes ever wait for each other. All of them are taken,
    also those of shelves that seem full: a file that was not read yet may lack any of them.
    """
    with ExitStack() as stack:
        for target in sorted(wanted.targets, key=lambda target: target.shelf.id):
            stack.enter_context(target.shelf.filling())
        yield


@dataclass(frozen=True)
class _Look(Generic[F]):
    """What one file gave.

    Attributes:
        facts: The file's.
        inputs: For each of its rows that lacks something, what enters each leg of that.
        stamp: The file's, if it was opened and did not change meanwhile.
        opened: Whether the file was opened.
    """

    facts: F
    inputs: Mapping[str, Mapping[Leg, Features]] = field(default_factory=dict)
    stamp: Stamp | None = None
    opened: bool = True


class _Pass(Generic[F]):
    """What a survey knows so far. The main thread changes it; the threads that read only look."""

    def __init__(self, store: FeatureStore, medium: Medium[F], wanted: Wanted[F] | None) -> None:
        self.index = FileIndex(store.root, medium.kind)
        self.medium = medium
        self.wanted = wanted
        self.plan: Plan | None = None
        self.facts: dict[str, F] = {}
        self.begun: set[str] = set()  # digests of rows whose features are on the way
        self.sizes: set[int] = set()
        self.lacking: dict[str, list[Target]] = {}  # by files' names, what they surely lack, for each row
        self.owed: Counter[Shelf] = Counter()  # how many times each shelf stands in `lacking`
        self.opened = 0

    def look_up(self, files: Sequence[File]) -> list[File]:
        """Recall what is known, and say which files must be looked at."""
        stamps = stamps_of(files)
        recalled = self.index.recall(stamps)
        known = {path: facts for path, facts in recalled.items() if self.medium.admits(facts)}
        self.facts = {file.name: known[file.path] for file in files if file.path in known}
        self.sizes = self.index.sizes()
        self.plan = Plan(self.wanted) if self.wanted else None
        unread = [file for file in files if file.name not in self.facts or self._lacks(self.facts[file.name])]
        sizes = {file.name: stamps[file.path].size for file in unread if file.path in stamps}
        self._count(sizes)
        return unread

    def may_compute(self, files: Sequence[File]) -> bool:
        """Whether something of `files`, which must be looked at, may have to go through the network."""
        return any(file.name in self.facts or self.medium.refused(file.path) is None for file in files)

    def read(self, files: Sequence[File], workers: Threads, advance: Callable[[float], None]) -> Iterator[Sample]:
        """Look at files ahead of their use; give what must be computed, each content once."""
        seen: list[Seen[F]] = []
        for file, future in self._ahead(workers, files):
            look = future.result()
            self.facts[file.name] = look.facts
            self.owed.subtract(target.shelf for target in self.lacking.pop(file.name, ()))
            self.opened += look.opened and bool(look.facts.digest)
            if look.stamp and look.facts.digest:
                seen.append(Seen(file.path, look.stamp, look.facts))
            if len(seen) == _REMEMBER:
                self.index.remember(seen)
                seen.clear()
            fresh = [digest for digest in look.inputs if digest not in self.begun]
            if self.plan is None or not fresh:
                advance(1)
                continue
            self.begun.update(fresh)
            for digest in fresh:
                inputs = {self.plan.chain(leg): one for leg, one in look.inputs[digest].items()}
                yield Sample(digest, inputs, 1 / len(fresh))
        self.index.remember(seen)

    def _ahead(self, workers: Threads, files: Sequence[File]) -> Iterator[tuple[File, Future[_Look[F]]]]:
        """Look at files in order, with no more than a few batches of what enters the network waiting."""
        waiting: deque[tuple[File, Future[_Look[F]]]] = deque()
        for file in files:
            waiting.append((file, workers.read.submit(self._look, file)))
            if len(waiting) == 2 * self.medium.batch + workers.ahead:
                yield waiting.popleft()
        yield from waiting

    def _count(self, sizes: Mapping[str, int]) -> None:
        """Note what files surely lack: of each known content once, and everything of a file of a new size."""
        targets = self.wanted.targets if self.wanted else ()
        digests = {self.facts[name].digest: name for name in sizes if name in self.facts}
        self.lacking = {name: self._lacks(self.facts[name]) for name in digests.values()}
        self.lacking |= {name: list(targets) for name, size in sizes.items() if size not in self.sizes}
        self.owed = Counter(target.shelf for lacking in self.lacking.values() for target in lacking)

    def _lacks(self, facts: F) -> list[Target]:
        """The targets that are still to be filled for each row of a file of these facts."""
        if self.plan is None or facts.problem is not None:
            return []
        rows = (digest for digest in self.medium.rows(facts) if digest not in self.begun)
        return [target for digest in rows for target in self.plan.missing(digest)]

    def _suffices(self, facts: F) -> bool:
        """Whether a file of these facts need not be decoded."""
        if self.plan is None or not self._lacks(facts):
            return True
        return not any(self.plan.needs_file(digest) for digest in self.medium.rows(facts))

    def _look(self, file: File) -> _Look[F]:
        """Look at one file, opening it only for what is neither known nor stored."""
        known = self.facts.get(file.name)
        if known and self._suffices(known):
            return _Look(known, self._inputs(known), opened=False)
        if early := self.medium.take(file.path):
            return self._looked(file.path, early.stamp, early.facts, early.entering)
        before = Stamp.found(file.path)
        # It may have been moved or touched: hashing it costs far less than decoding it.
        if known is None and before and before.size in self.sizes:
            if refused := self.medium.refused(file.path):
                return _Look(refused)
            known = self._hashed(file.path)
            if known and self._suffices(known):
                return _Look(known, self._inputs(known), before)
        return self._looked(file.path, before, *self.medium.read(file.path, known))

    def _looked(self, path: Path, before: Stamp | None, facts: F, entering: Mapping[str, Features]) -> _Look[F]:
        """What a file gave that was read; its stamp counts if it is still the same."""
        after = Stamp.found(path)
        stamp = before if before and after and before.same(after) else None
        return _Look(facts, self._inputs(facts, entering), stamp)

    def _inputs(self, facts: F, entering: Mapping[str, Features] | None = None) -> dict[str, Mapping[Leg, Features]]:
        """What enters each leg of what the rows of a file of these facts lack."""
        if self.plan is None or facts.problem is not None:
            return {}
        lacking = [d for d in self.medium.rows(facts) if d not in self.begun and self.plan.missing(d)]
        return {digest: self.plan.inputs(digest, (entering or {}).get(digest)) for digest in lacking}

    def _hashed(self, path: Path) -> F | None:
        """The facts of a file whose content was read before, here or elsewhere."""
        with suppress(OSError):
            return self.index.facts(digest_of(path))
        return None
