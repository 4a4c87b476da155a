"""A share of a pass: some of its files, gone over by a process that may be on another machine, which writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias

import numpy as np
from numpy.typing import NDArray

from thawline.encoders.encoder import Features
from thawline.errors import UserError
from thawline.features.files import FileIndex, FileRecord
from thawline.features.kinds import F, File
from thawline.features.passes.computing import samples_at_once
from thawline.features.passes.filling import fill, threads
from thawline.features.passes.looking import Pass
from thawline.features.plan import FeaturePlan
from thawline.features.store.store import DamagedShelfError, FeatureStore, Shelf
from thawline.features.wanted import Target, Wanted


@dataclass(frozen=True)
class Share(Generic[F]):
    """Some files.

    Attributes:
        number: In the order of the pass.
        files: In the order of the pass.
        known: What is known of some of them, by name.
    """

    number: int
    files: Sequence[File]
    known: Mapping[str, F]


@dataclass(frozen=True)
class FoundRows:
    """What a shelf lacks of a share, in order.

    Attributes:
        digests: Of the samples, [N].
        arrays: Their features by name, each [N, ...].
    """

    digests: list[str]
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ShareResult(Generic[F]):
    """What a share gave.

    Attributes:
        facts: Of its files, by name.
        seen: What is to be remembered of files.
        opened: Files that were opened.
        rows: By the shelves' ids.
    """

    facts: Mapping[str, F]
    seen: Sequence[FileRecord[F]]
    opened: int
    rows: Mapping[str, FoundRows]


@dataclass(frozen=True)
class Damaged:
    """A shelf that a share began from was not what was written, see `DamagedShelfError`."""

    shelf: str
    digests: Sequence[str] | None


@dataclass(frozen=True)
class Refused:
    """Why a share ended, for the user."""

    reason: str


Outcome: TypeAlias = ShareResult[F] | Damaged | Refused


def to_read(wanted: Wanted[F]) -> Wanted[F]:
    """The same features, on shelves that are only read."""

    def read(targets: Sequence[Target]) -> tuple[Target, ...]:
        return tuple(replace(target, shelf=Shelf(store, target.shelf.key, target.shelf.label)) for target in targets)

    store = FeatureStore(wanted.targets[0].shelf.store.root, read_only=True)
    return replace(wanted, targets=read(wanted.targets), sources=read(wanted.sources), build=None)


class Worker(Generic[F]):
    """Holds the frozen network for as long as a pass lasts, and goes over one share after another."""

    def __init__(self, wanted: Wanted[F], cores: int, compiled: bool) -> None:
        """Begin with nothing.

        Args:
            wanted: From `to_read`.
            cores: How many to use.
            compiled: Whether PyTorch compiles the network.
        """
        self._wanted, self._cores, self._compiled = wanted, cores, compiled
        self._index = FileIndex(wanted.targets[0].shelf.store.root, wanted.medium.kind, read_only=True)
        self._plan: FeaturePlan | None = None
        self._sizes: set[int] = set()

    def ready(self) -> None:
        """Nothing: whoever waits for this waits until the process has begun."""

    def go_over(self, share: Share[F]) -> Outcome[F]:
        """What the files of a share give; nothing is written."""
        try:
            return self._found(share)
        except DamagedShelfError as error:
            return Damaged(error.shelf.id, error.digests)
        except UserError as error:
            return Refused(str(error))

    def _found(self, share: Share[F]) -> ShareResult[F]:
        wanted = self._wanted
        if self._plan is None:  # once: what is filled from now on is of no share that comes here
            self._plan, self._sizes = FeaturePlan(wanted), self._index.sizes()
        seen: list[FileRecord[F]] = []
        work = Pass(self._index, wanted.medium, wanted, remember=seen.extend)
        work.plan, work.sizes, work.facts = self._plan, self._sizes, dict(share.known)
        kept: dict[str, tuple[list[str], list[Features]]] = {}

        def keep(shelf: Shelf, digests: list[str], features: Features) -> int:
            held, batches = kept.setdefault(shelf.id, ([], []))
            held.extend(digests)
            batches.append(features)
            return len(digests)

        with threads(wanted.device, self._cores) as workers:
            fill(
                work.read(share.files, workers, _nothing),
                workers=workers,
                device=wanted.device,
                owed=lambda _: 0,
                advance=_nothing,
                batch=samples_at_once(wanted.medium.batch, wanted.device),
                compiled=self._compiled,
                keep=keep,
            )
        rows = {shelf: FoundRows(held, _joined(batches)) for shelf, (held, batches) in kept.items()}
        return ShareResult({file.name: work.facts[file.name] for file in share.files}, seen, work.opened, rows)


def _joined(batches: Sequence[Features]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in batches[0]}


def _nothing(_: float) -> None:
    """Nobody looks."""
