"""One pass over files that yields their facts and their features: each is read and decoded once at most."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic

import torch

from thawline.cluster import is_task
from thawline.features.ahead import forget, stop
from thawline.features.files import FileIndex
from thawline.features.kinds import F, File
from thawline.features.later import importing_meanwhile
from thawline.features.media import Medium
from thawline.features.passes.computing import samples_at_once
from thawline.features.passes.filling import fill, require_room, threads
from thawline.features.passes.looking import Pass
from thawline.features.passes.shares import FoundRows
from thawline.features.progress import bar
from thawline.features.rehearsing.going_on import rehearsal
from thawline.features.settings import ClusterSettings
from thawline.features.store.rows import Rows
from thawline.features.store.store import FeatureStore, Shelf, healing
from thawline.features.wanted import Target, Wanted

_FEW = 64  # files that are sooner computed here than a process is started on a node


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
        counts: What became of each target.
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
                raise RuntimeError(f"the survey was asked for {len(self.counts)} features: which are meant?")
            target = next(iter(self.counts))
        return self.kept[target].of([digest for name in names for digest in self.medium.rows(self.facts[name])])


def survey(
    files: Sequence[File],
    store: FeatureStore,
    wanted: Wanted[F],
    *,
    later: Sequence[str] = (),
    cluster: ClusterSettings | None = None,
) -> Survey[F]:
    """Find the facts of all files, and fill the targets' shelves with the features of those that have none yet.

    Of files whose facts alone are wanted, see `facts.find_facts`.

    What is unchanged and stored is not read, and a feature is computed from the highest ones below it that are stored.
    A file that cannot be read now has a problem in this run, whatever was known of it. One process fills a shelf,
    others wait for it and find the features there.

    Args:
        files: Of a collection, each under a name of its own.
        store: Keeps features and what is known of files.
        wanted: The features to compute.
        later: Modules that are needed after this, which are imported while features are computed.
        cluster: What computes features; None: this process.
    """
    start = time.monotonic()
    stop()
    if cluster is not None and (cluster.kind is None or is_task()):
        cluster = None
    if (rehearsed := rehearsal()) is not None:
        rehearsed.survey(files, store, wanted, lambda *asked: survey(*asked).facts)
    medium = wanted.medium
    computed: Counter[Shelf] = Counter()
    opened = 0

    def attempt() -> tuple[Pass[F], list[str], dict[Target, Kept]]:
        nonlocal opened
        work = Pass(FileIndex(store.root, medium.kind), medium, wanted)
        try:
            _go_over(files, work, wanted, computed, later, cluster)
        finally:
            opened += work.opened
        usable = [row for facts in work.facts.values() if facts.problem is None for row in medium.rows(facts)]
        usable = list(dict.fromkeys(usable))
        at = {digest: i for i, digest in enumerate(usable)}
        return work, usable, {target: Kept(target.shelf.rows(usable), at) for target in wanted.targets}

    try:
        work, usable, kept = healing(attempt)
    finally:
        forget()
    return Survey(
        medium=medium,
        facts={file.name: work.facts[file.name] for file in files},
        counts={t: Counts(computed[t.shelf], max(0, len(usable) - computed[t.shelf])) for t in wanted.targets},
        kept=kept,
        opened=opened,
        seconds=time.monotonic() - start,
    )


def _go_over(
    files: Sequence[File],
    work: Pass[F],
    wanted: Wanted[F],
    computed: Counter[Shelf],
    later: Sequence[str],
    cluster: ClusterSettings | None,
) -> None:
    """Read what is not known, and compute what is not stored, counting that in `computed`."""
    if not work.look_up(files):
        return
    with _filling(wanted):
        unread = work.look_up(files)
        if wanted.build is not None and work.may_compute(unread):
            wanted.build()
        with (
            bar("computing features", wanted.medium.unit, len(unread)) as advance,
            importing_meanwhile(later if unread else ()),
        ):
            if cluster is None or len(unread) <= _FEW:
                _compute(unread, work, wanted, computed, advance)
            else:
                _gather(unread, work, wanted, computed, advance, cluster)


def _compute(
    unread: Sequence[File],
    work: Pass[F],
    wanted: Wanted[F],
    computed: Counter[Shelf],
    advance: Callable[[float], None],
) -> None:
    """Compute what `unread` lack in this process."""
    with threads(wanted.device) as workers:
        fill(
            work.read(unread, workers, advance),
            workers=workers,
            device=wanted.device,
            owed=lambda shelf: work.owed[shelf],
            advance=advance,
            batch=samples_at_once(wanted.medium.batch, wanted.device),
            computed=computed,
            compiled=wanted.compiles(len(unread)),
        )


def _gather(
    unread: Sequence[File],
    work: Pass[F],
    wanted: Wanted[F],
    computed: Counter[Shelf],
    advance: Callable[[float], None],
    cluster: ClusterSettings,
) -> None:
    """Have the nodes of a cluster compute what `unread` lack; this process alone writes, in the order of the files."""
    from thawline.features.passes.nodes import crew, shares_of  # late: what most passes do without

    with crew(cluster, wanted, wanted.compiles(len(unread))) as hired:
        shares = shares_of(unread, work.facts, hired.share_size(wanted.medium.batch))
        for share, found in hired.go_over(shares):
            work.learn(found.facts, found.seen, found.opened)
            for target in wanted.targets:
                if rows := found.rows.get(target.shelf.id):
                    computed[target.shelf] += _append(target.shelf, rows, work)
            advance(len(share.files))


def _append(shelf: Shelf, rows: FoundRows, work: Pass[F]) -> int:
    features = {name: torch.tensor(array) for name, array in rows.arrays.items()}
    require_room({shelf: shelf.row_bytes(features)}, lambda shelf: work.owed[shelf] + len(rows.digests))
    return shelf.append(rows.digests, features)


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
