"""A pass that is only rehearsed: some samples are computed for the measure, and the others are taken to be like them.

While it goes on each pass is given a store of its own, a folder that is thrown away, and finds there what it would have
computed: facts and features of a few files that were really read, and of the others what is imagined of these, under
names of their own (`imagining.py`). So whatever comes after the pass runs as it would, on as many samples, before
anything was computed. What the real store has is read and counts as stored; it is not written to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from thawline.features.kinds import File
from thawline.features.media import Medium
from thawline.features.rehearsing.costs import Clock, Cost, Spent
from thawline.features.rehearsing.imagining import give_features
from thawline.features.rehearsing.measure import index_bytes
from thawline.features.rehearsing.passes import Goes, Lack, Pass, real_shelf
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.wanted import Target, Wanted

_MEASURED = 32  # texts


@dataclass(frozen=True)
class Foreseen:
    """What is to be computed for one shelf.

    Attributes:
        rows: Samples, windows or texts that it lacks.
        bytes: That it will grow by, its index among them.
        unread: Bytes of the features of samples that the rehearsal leaves out.
        cost: Of the stretch of the network that leads to it from the one below, and for the lowest of what enters.
    """

    rows: int
    bytes: int
    unread: int
    cost: Cost


@dataclass
class Rehearsal:
    """What was rehearsed so far.

    Attributes:
        real: The root of the store that counts, which need not be there.
        most: So many files at most go through what comes after a pass.
        passes: What each shelf was found to need, by its name.
        once: What is done once in a pass over files: networks are built, libraries imported.
        spent: What rehearsing took, which a real run does not spend.
        files: Files that can be used, and those of them that go through what comes after.
        asked: The shelves that were asked for, by name; whoever wants to know begins anew.
        imagined: The checksum of each imagined vector, with that of the computed one which it stands beside.
    """

    real: Path
    most: int = 2000
    passes: dict[str, Foreseen] = field(default_factory=dict)
    once: Cost = field(default_factory=Cost)
    spent: Spent = field(default_factory=Spent)
    files: tuple[int, int] = (0, 0)
    asked: set[str] = field(default_factory=set)
    imagined: dict[int, int] = field(default_factory=dict)
    _facts: dict[str, dict[Path, Any]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """How many times as many files there are as went through what comes after the pass."""
        return self.files[0] / self.files[1] if self.files[1] else 1.0

    def survey(
        self, files: Sequence[File], store: FeatureStore, wanted: Wanted[Any] | Medium[Any], survey: Goes
    ) -> None:
        """Have `store` know what a survey will ask it for."""
        with self.spent.counting():
            computed = wanted if isinstance(wanted, Wanted) else None
            medium: Medium[Any] = wanted.medium if isinstance(wanted, Wanted) else wanted
            self.asked |= {target.shelf.id for target in computed.targets} if computed else set()
            facts = self._facts.setdefault(medium.kind.index, {})
            one = Pass(self.real, self.most, survey, store, medium, computed, files, facts)
            one.prepare()
            self.once += one.once
            self.imagined |= one.imagined
            self.files = max(self.files, one.usable)
            for lack in one.lacks:
                self._note(lack)

    def texts(self, shelf: Shelf, digests: Sequence[str], encode: Callable[[Sequence[str]], None]) -> None:
        """Have a shelf hold the features of texts, of which `encode` computes and keeps some."""
        with self.spent.counting():
            self.asked.add(shelf.id)
            if not (lacking := shelf.missing(digests)):
                return
            absent = real_shelf(self.real, shelf).missing(digests) if self.real.is_dir() else digests
            first, *some = lacking[:: max(1, len(lacking) // _MEASURED)]
            clock = Clock()
            encode([first])
            begun = clock.cost()
            encode(some)
            each = (clock.cost() - begun) * (1 / max(1, len(some)))
            self.once += begun - each if absent else Cost()
            known = {first, *some}
            give_features(shelf, dict(zip([d for d in lacking if d not in known], cycle([first, *some]), strict=False)))
            self._note(Lack(Target(shelf, 1), len(absent), len(digests), each * len(absent)))

    def _note(self, lack: Lack) -> None:
        shelf, columns = lack.target.shelf, lack.target.shelf.columns()
        size = sum(column.row_bytes for column in columns)
        new = not (self.real.is_dir() and real_shelf(self.real, shelf).index.exists())
        about = (shelf.folder / "key.json").stat().st_size if new else 0
        bytes_ = lack.rows * size + index_bytes(columns, lack.rows, new=new) + about if lack.rows else 0
        unread = lack.all * size * (1 - 1 / self.share)
        self.passes[shelf.id] = Foreseen(lack.rows, bytes_, round(unread), lack.cost)
