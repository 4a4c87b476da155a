"""One survey, rehearsed: which files are read, what is imagined of the others, and what the real store lacks."""

from __future__ import annotations

import math
import os
import secrets
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from thawline.data.photos.copies.sketches import unlike
from thawline.features.files import FileIndex, FileRecord, stamps_of
from thawline.features.kinds import File
from thawline.features.media import Medium
from thawline.features.plan import FeaturePlan
from thawline.features.rehearsing.costs import Clock, Cost
from thawline.features.rehearsing.going_on import rehearsing
from thawline.features.rehearsing.imagining import imagine_features
from thawline.features.rehearsing.measure import Segments
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.wanted import Target, Wanted
from thawline.files import digest_of

_SECONDS = 2.0  # that are measured of a pass, about
_COLD = 3 * _SECONDS  # what goes over the first files for longer than that spends little of it on starting
_HASHED = 2**28  # bytes of files of one size, which may be copies
_KEPT = 2**28  # bytes of features that are copied of what is stored; of more there are a few
_FEW = 256  # rows
_LEFT_OUT = "left out of the rehearsal"

Goes = Callable[[Sequence[File], FeatureStore, Any], Mapping[str, Any]]  # a survey, of which the facts are given


@dataclass(frozen=True)
class Lack:
    """What a shelf lacks.

    Attributes:
        target: In the rehearsal's store.
        rows: So many that it is asked for.
        all: Those that it is asked for.
        cost: Of computing them.
    """

    target: Target
    rows: int
    all: int
    cost: Cost


@dataclass(frozen=True)
class _Measured:
    """What reading some files gave.

    Attributes:
        files: Those that were read.
        reading: Seconds of the processor for a file, but for the network.
        segments: What that costs.
        ratio: Seconds by the clock for one of the processor.
    """

    files: Sequence[File] = ()
    reading: float = 0.0
    segments: Segments | None = None
    ratio: float = 1.0


@dataclass
class Pass:
    """One survey, rehearsed.

    Attributes:
        real: The root of the store that counts.
        most: So many files at most go through what comes after.
        survey: What goes over files.
        store: The rehearsal's.
        medium: What the files are.
        wanted: What is to be computed of them; None: only facts are wanted.
        files: Those that are there.
        facts: What is known of them; it is added to.
        once: What is only done once in a pass: the network is built, libraries are imported.
        lacks: What the shelves lack.
        imagined: What `imagine_features` made, of all shelves.
        usable: Files that can be used, and those of them that go through what comes after.
    """

    real: Path
    most: int
    survey: Goes
    store: FeatureStore
    medium: Medium[Any]
    wanted: Wanted[Any] | None
    files: Sequence[File]
    facts: dict[Path, Any]
    once: Cost = field(default_factory=Cost)
    lacks: list[Lack] = field(default_factory=list)
    imagined: dict[int, int] = field(default_factory=dict)
    usable: tuple[int, int] = (0, 0)

    def prepare(self) -> None:
        """Have the store know of all files what the survey asks for."""
        self._stamps = stamps_of(self.files)
        self._order = {file.path: i for i, file in enumerate(self.files)}
        self._recall()
        targets = self.wanted.targets if self.wanted else ()
        for target in targets:
            _unlink(target.shelf)
        unknown = [file for file in self.files if self.facts.get(file.path) is None]
        digests = list(dict.fromkeys(digest for rows in self._rows().values() for digest in rows))
        if not unknown and not any(target.shelf.missing(digests) for target in targets):
            return
        plan = self._plan()
        work = [*unknown, *self._lacking(plan)]
        measured = self._measure(work)
        self._imagine(unknown, measured.files)
        self._remember({file.path for file in measured.files})
        if plan is not None:
            self._fill()
            self._count(plan, measured, len(work))

    def _recall(self) -> None:
        asked = {path: stamp for path, stamp in self._stamps.items() if self.facts.get(path) is None}
        if asked and self.real.is_dir():
            index: FileIndex[Any] = FileIndex(self.real, self.medium.kind, read_only=True)
            known = index.recall(asked)
            self.facts.update({path: facts for path, facts in known.items() if self.medium.admits(facts)})

    def _plan(self) -> FeaturePlan | None:
        """What the real store lacks."""
        if self.wanted is None:
            return None
        if not self.real.is_dir():
            return FeaturePlan(self.wanted)
        targets = tuple(Target(real_shelf(self.real, t.shelf), t.cut, t.view) for t in self.wanted.targets)
        return FeaturePlan(replace(self.wanted, targets=targets))

    def _lacking(self, plan: FeaturePlan | None) -> list[File]:
        """Known files of which something is to be computed."""
        rows = self._rows() if plan else {}
        return [file for file in self.files if plan and any(map(plan.missing, rows.get(file.path, ())))]

    def _rows(self) -> dict[Path, Sequence[str]]:
        usable = ((path, self.facts.get(path)) for path in self._order)
        return {path: self.medium.rows(facts) for path, facts in usable if facts and facts.problem is None}

    def _measure(self, work: Sequence[File]) -> _Measured:
        """Read some of `work` and bring them to all cuts."""
        work = [file for file in work if file.path in self._stamps and self.medium.refused(file.path) is None]
        if not work:
            return _Measured()
        segments, wanted = None, None
        if self.wanted is not None:
            segments = Segments(self.wanted, self.medium.batch)
            wanted = self._from_files(self.wanted, segments)
        by_size = sorted(work, key=lambda file: self._stamps[file.path].size)
        least = self.medium.batch * (os.cpu_count() or 1)
        some = _spread(by_size, least)
        first = self._go_over(some, wanted)
        rest = [file for file in by_size if file not in some]
        took = min(first.wall, first.processor)  # whatever else the machine does
        if not rest or took > _COLD:
            return self._measured(some, len(some), first, segments)
        if segments is not None:
            segments.forget()
        more = _spread(rest, max(least, min(4 * least, int(least * (_SECONDS / max(took, 1e-3) - 1)))))
        cost = self._go_over(more, wanted)
        self.once += first - cost * (len(some) / len(more))
        return self._measured([*some, *more], len(more), cost, segments)

    def _measured(self, files: Sequence[File], count: int, cost: Cost, segments: Segments | None) -> _Measured:
        reading = max(0.0, cost.processor - (segments.all if segments else 0.0)) / count
        ordered = sorted(files, key=lambda file: self._order[file.path])
        return _Measured(ordered, reading, segments, cost.wall / max(cost.processor, 1e-6))

    def _from_files(self, wanted: Wanted[Any], segments: Segments) -> Wanted[Any]:
        """The same and what may be begun from, all computed from the files."""
        everything = {place.shelf.id: place for place in (*wanted.targets, *wanted.sources)}.values()
        for place in everything:
            _unlink(place.shelf)
        if wanted.build is not None:
            clock = Clock()
            wanted.build()
            self.once += clock.cost()
        targets = tuple(Target(self.store.shelf(p.shelf.key, p.shelf.label), p.cut, p.view) for p in everything)
        return replace(wanted, targets=targets, sources=(), prefix=segments.prefix, build=None)

    def _go_over(self, some: Sequence[File], wanted: Wanted[Any] | None) -> Cost:
        clock = Clock()
        with rehearsing(None):
            found = self.survey(some, self.store, wanted or self.medium)
        self.facts.update({file.path: found[file.name] for file in some})
        return clock.cost()

    def _imagine(self, unknown: Sequence[File], measured: Sequence[File]) -> None:
        """Facts of the files that were not read: those of the nearest one that was, under another name."""
        digests = self._copies(unknown)
        read = [file for file in measured if self.facts[file.path].digest]
        places = [self._order[file.path] for file in read]
        for file in unknown:
            if self.facts.get(file.path) is not None:
                continue
            refused = self.medium.refused(file.path)
            if refused is not None or not read:
                self.facts[file.path] = refused
                continue
            own = self._order[file.path]
            at = bisect_left(places, own)
            near = min(read[max(0, at - 1) : at + 1], key=lambda other: abs(self._order[other.path] - own))
            self.facts[file.path] = _other(self.facts[near.path], digests.get(file.path, secrets.token_hex(32)))

    def _copies(self, unknown: Sequence[File]) -> dict[Path, str]:
        """Digests of the files that may have the content of another: they are of its size."""
        sizes = Counter(stamp.size for stamp in self._stamps.values())
        left, digests = _HASHED, dict[Path, str]()
        for file in unknown:
            size = self._stamps[file.path].size if file.path in self._stamps else 0
            if sizes[size] > 1 and left > size and self.facts.get(file.path) is None:
                left -= size
                digests[file.path] = digest_of(file.path)
        return digests

    def _remember(self, measured: set[Path]) -> None:
        """Have the store know all files, as though they had been read long ago."""
        known = {path: facts for path in self._order if (facts := self.facts.get(path)) is not None}
        usable = [path for path, facts in known.items() if facts.problem is None]
        kept = {path for path in usable if path in measured} | set(_spread(usable, self.most))
        self.usable = (len(usable), len(kept))
        seen = [
            FileRecord(path, replace(self._stamps[path], settled=True), facts)
            for path, facts in known.items()
            if facts.digest and path in self._stamps
        ]
        index: FileIndex[Any] = FileIndex(self.store.root, self.medium.kind)
        index.remember(one if one.path in kept or one.facts.problem is not None else _left_out(one) for one in seen)

    def _fill(self) -> None:
        """Have the shelves hold features of all rows: what was measured or is stored, and what is imagined."""
        assert self.wanted is not None  # noqa: S101
        rows = self._rows()
        digests = list(dict.fromkeys(d for path in self._order for d in rows.get(path, ())))
        for target in self.wanted.targets:
            shelf = target.shelf
            if self.real.is_dir():
                self._take_stored(shelf, digests)
            self.imagined |= imagine_features(shelf, digests)

    def _take_stored(self, shelf: Shelf, digests: Sequence[str]) -> None:
        """Copy features that the real store has, all where they are few."""
        real = real_shelf(self.real, shelf)
        wanting = shelf.missing(digests)
        absent = set(real.missing(wanting))
        stored = [digest for digest in wanting if digest not in absent]
        if not stored:
            return
        size = sum(column.row_bytes for column in real.columns())
        kept = _spread(stored, max(_FEW, _KEPT // max(1, size)))
        with shelf.filling():
            for start in range(0, len(kept), _FEW):
                some = kept[start : start + _FEW]
                shelf.append(some, real.rows(some, check=False)[:])

    def _count(self, plan: FeaturePlan, measured: _Measured, work: int) -> None:
        """What each shelf lacks, and what that costs."""
        assert self.wanted is not None  # noqa: S101
        digests = list(dict.fromkeys(digest for rows in self._rows().values() for digest in rows))
        lacked, entering = Counter[str](), Counter[str]()
        computing: defaultdict[str, float] = defaultdict(float)
        for leg in (leg for digest in digests for leg in plan.legs(digest)):
            for (below, cut), stop in zip(pairwise((leg.cut, *(s.cut for s in leg.stops))), leg.stops, strict=True):
                lacked[stop.shelf.id] += 1
                computing[stop.shelf.id] += measured.segments.of(below, cut) if measured.segments else 0.0
            entering[leg.stops[0].shelf.id] += leg.start is None
        opened = sum(entering.values()) or 1
        for target in self.wanted.targets:
            own = target.shelf.id
            seconds = computing[own] + measured.reading * work * entering[own] / opened
            cost = Cost(seconds * measured.ratio, seconds)
            self.lacks.append(Lack(target, lacked[own], len(digests), cost))


def real_shelf(real: Path, shelf: Shelf) -> Shelf:
    """The shelf of the store in `real` that one of the rehearsal's stands for."""
    return FeatureStore(real, read_only=True).shelf(shelf.key, shelf.label)


def _unlink(shelf: Shelf) -> None:
    """Have a shelf be of the rehearsal alone, which was that of the real store."""
    if shelf.folder.is_symlink():
        shelf.folder.unlink()


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of `items`, evenly over all."""
    if len(items) <= count:
        return list(items)
    return [items[math.floor((i + 0.5) * len(items) / count)] for i in range(count)]


def _other(facts: Any, digest: str) -> Any:
    """The facts of another content that is like this one and no copy of it."""
    own: dict[str, Any] = {}
    if getattr(facts, "phash", None) is not None:
        own["phash"] = secrets.token_hex(32)
    if getattr(facts, "sketch", None) is not None:
        own["sketch"] = unlike(facts.sketch)
    rest = {name: None for name in ("taken", "fingerprint", "pitches") if hasattr(facts, name)}
    return replace(facts, digest=digest, **own, **rest)


def _left_out(seen: FileRecord[Any]) -> FileRecord[Any]:
    return FileRecord(seen.path, seen.stamp, replace(seen.facts, problem=_LEFT_OUT))
