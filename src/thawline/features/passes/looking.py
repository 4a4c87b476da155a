"""What a pass over files knows, and which of them it opens."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from thawline.features.files import FileIndex, FileRecord, Stamp, stamps_of
from thawline.features.kinds import F, File
from thawline.features.media import Medium
from thawline.features.passes.workers import BATCH, Sample, Threads
from thawline.files import digest_of

if TYPE_CHECKING:
    from thawline.encoders.encoder import Features
    from thawline.features.plan import FeaturePlan, Leg
    from thawline.features.store.store import Shelf
    from thawline.features.wanted import Target, Wanted

_REMEMBER = 2 * BATCH  # files read between two writes of what was found


@dataclass(frozen=True)
class Look(Generic[F]):
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


class Pass(Generic[F]):
    """What a survey knows so far. The main thread changes it; the threads that read only look."""

    def __init__(
        self,
        index: FileIndex[F],
        medium: Medium[F],
        wanted: Wanted[F] | None,
        *,
        remember: Callable[[list[FileRecord[F]]], object] | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            index: What is known of files.
            medium: What they are.
            wanted: The features to compute; None: only facts.
            remember: Takes what was found of files, now and then; None: the index.
        """
        self.index = index
        self.remember = remember or index.remember
        self.medium = medium
        self.wanted = wanted
        self.plan: FeaturePlan | None = None
        self.facts: dict[str, F] = {}
        self.begun: set[str] = set()  # digests of rows whose features are on the way
        self.sizes: set[int] = set()
        self.new: set[str] = set()  # names of files to be looked at of sizes that no known file has
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
        if self.wanted is not None:
            from thawline.features.plan import FeaturePlan  # late: facts alone need no PyTorch

            self.plan = FeaturePlan(self.wanted)
        unread = [file for file in files if file.name not in self.facts or self._lacks(self.facts[file.name])]
        sizes = {file.name: stamps[file.path].size for file in unread if file.path in stamps}
        self._count(sizes)
        return unread

    def learn(self, facts: Mapping[str, F], seen: Sequence[FileRecord[F]], opened: int) -> None:
        """Take over what was found elsewhere of files that must be looked at.

        Args:
            facts: By the files' names.
            seen: What is to be remembered of them.
            opened: How many were opened for it.
        """
        self.facts.update(facts)
        self.opened += opened
        for name in facts:
            self.owed.subtract(target.shelf for target in self.lacking.pop(name, ()))
        self.remember(list(seen))

    def may_compute(self, files: Sequence[File]) -> bool:
        """Whether something of `files`, which must be looked at, may have to go through the network."""
        return any(file.name in self.facts or self.medium.refused(file.path) is None for file in files)

    def read(self, files: Sequence[File], workers: Threads, advance: Callable[[float], None]) -> Iterator[Sample]:
        """Look at files ahead of their use; give what must be computed, each content once."""
        seen: list[FileRecord[F]] = []
        for file, look in self._ahead(workers, files):
            self.facts[file.name] = look.facts
            self.owed.subtract(target.shelf for target in self.lacking.pop(file.name, ()))
            self.opened += look.opened and bool(look.facts.digest)
            if look.stamp and look.facts.digest:
                seen.append(FileRecord(file.path, look.stamp, look.facts))
            if len(seen) == _REMEMBER:
                self.remember(seen)
                seen.clear()
            fresh = [digest for digest in look.inputs if digest not in self.begun]
            if self.plan is None or not fresh:
                advance(1)
                continue
            self.begun.update(fresh)
            for digest in fresh:
                inputs = {self.plan.chain(leg): one for leg, one in look.inputs[digest].items()}
                yield Sample(digest, inputs, 1 / len(fresh))
        self.remember(seen)

    def _ahead(self, workers: Threads, files: Sequence[File]) -> Iterator[tuple[File, Look[F]]]:
        """Look at files ahead, with no more than a few batches of what enters the network waiting."""
        waiting: deque[tuple[Sequence[File], Future[list[Look[F]]]]] = deque()
        for some, future in self._submitted(workers, files):
            waiting.append((some, future))
            if len(waiting) == 2 * self.medium.batch + workers.ahead:
                some, future = waiting.popleft()
                yield from zip(some, future.result(), strict=True)
        for some, future in waiting:
            yield from zip(some, future.result(), strict=True)

    def _submitted(
        self, workers: Threads, files: Sequence[File]
    ) -> Iterator[tuple[Sequence[File], Future[list[Look[F]]]]]:
        """Some files at a time, in order unless processes read those that nothing can be known of."""
        if workers.apart is not None:
            fresh = [file for file in files if file.name in self.new]
            for start in range(0, len(fresh), self.medium.batch):
                some = fresh[start : start + self.medium.batch]
                yield some, workers.apart.submit(_read_all, self.medium, [file.path for file in some])
            files = [file for file in files if file.name not in self.new]
        for file in files:
            yield [file], workers.read.submit(lambda file: [self._look(file)], file)

    def _count(self, sizes: Mapping[str, int]) -> None:
        """Note what files surely lack: of each known content once, and everything of a file of a new size."""
        targets = self.wanted.targets if self.wanted else ()
        self.new = {name for name, size in sizes.items() if size not in self.sizes}
        digests = {self.facts[name].digest: name for name in sizes if name in self.facts}
        self.lacking = {name: self._lacks(self.facts[name]) for name in digests.values()}
        self.lacking |= {name: list(targets) for name in self.new}
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

    def _look(self, file: File) -> Look[F]:
        """Look at one file, opening it only for what is neither known nor stored."""
        known = self.facts.get(file.name)
        if known and self._suffices(known):
            return Look(known, self._inputs(known), opened=False)
        if early := self.medium.take(file.path):
            return self._looked(file.path, early.stamp, early.facts, early.entering)
        before = Stamp.found(file.path)
        # It may have been moved or touched: hashing it costs far less than decoding it.
        if known is None and before and before.size in self.sizes:
            if refused := self.medium.refused(file.path):
                return Look(refused)
            known = self._hashed(file.path)
            if known and self._suffices(known):
                return Look(known, self._inputs(known), before)
        return self._looked(file.path, before, *self.medium.read(file.path, known))

    def _looked(self, path: Path, before: Stamp | None, facts: F, entering: Mapping[str, Features]) -> Look[F]:
        """What a file gave that was read."""
        stamp = _unchanged(path, before)
        return Look(facts, self._inputs(facts, entering), stamp)

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


def _read_all(medium: Medium[F], paths: Sequence[Path]) -> list[Look[F]]:
    """What files gave of which only facts are wanted, and nothing is known."""
    looks = []
    for path in paths:
        before = Stamp.found(path)
        facts, _ = medium.read(path, None)
        looks.append(Look(facts, stamp=_unchanged(path, before)))
    return looks


def _unchanged(path: Path, before: Stamp | None) -> Stamp | None:
    """A file's stamp if it is still the same."""
    after = Stamp.found(path)
    return before if before and after and before.same(after) else None
