"""What must be computed for a photo, and from where."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from thawline.encoders.encoder import Features
from thawline.features.passes.computing import Chain, Prefix, Segment
from thawline.features.store.rows import Rows
from thawline.features.store.store import DamagedShelfError
from thawline.features.wanted import Target, Wanted


class ShelfIndex:
    """A shelf as it was when a pass began. Safe to use from threads."""

    def __init__(self, target: Target, *, fills: bool) -> None:
        self.target = target
        self.fills = fills
        # Interned: most shelves hold the same samples.
        self._at = {sys.intern(digest): i for i, digest in enumerate(target.shelf.digests())}
        self._rows: Rows | None = None
        self._lock = threading.Lock()

    def __contains__(self, digest: str) -> bool:
        return digest in self._at

    def features(self, digest: str) -> Features:
        """The stored features of a sample, without the batch axis.

        Raises:
            DamagedShelfError: They have changed, and so may others have.
        """
        with self._lock:
            # All of them at once: what is open stays readable if another process prunes the shelf.
            if self._rows is None:
                self._rows = self.target.shelf.rows(list(self._at), check=False)
            rows = self._rows
        at = [self._at[digest]]
        if rows.of(at).changed():
            raise DamagedShelfError(self.target.shelf, rows.changed())  # all of them, to begin anew once
        row = rows[at]
        return {name: tensor[0] for name, tensor in row.items()}


@dataclass(frozen=True)
class Leg:
    """A way through the frozen network.

    Attributes:
        start: Where it begins; None: with the file's pixels.
        view: Number of the view.
        stops: The targets on the way that lack the sample, from the lowest cut on; at least one.
    """

    start: ShelfIndex | None
    view: int
    stops: tuple[Target, ...]

    @property
    def cut(self) -> int:
        """The border where it begins."""
        return self.start.target.cut if self.start else 0


class FeaturePlan:
    """Which features each photo lacks, by what the shelves hold at this moment.

    Everything but `chain` is safe to use from threads.
    """

    def __init__(self, wanted: Wanted[Any]) -> None:
        self._wanted = wanted
        places = [ShelfIndex(target, fills=True) for target in wanted.targets]
        self._targets = tuple(places)
        places += [ShelfIndex(source, fills=False) for source in wanted.sources if source.exact]
        # At one cut, what may be read comes before what is rounded from it.
        places.sort(key=lambda place: (place.target.cut, not place.target.exact))
        views = sorted({target.view for target in wanted.targets})
        self._views = [(view, [place for place in places if _leads_to(view, place)]) for view in views]
        self._chains: dict[Leg, Chain] = {}
        self._prefix = cache(wanted.prefix)

    def missing(self, digest: str) -> tuple[Target, ...]:
        """The targets that lack a sample."""
        return tuple(place.target for place in self._targets if digest not in place)

    def legs(self, digest: str) -> list[Leg]:
        """All that must be computed for a sample; each target that lacks it is a stop of one leg."""
        return [leg for view, places in self._views for leg in _legs(digest, view, places)]

    def needs_file(self, digest: str) -> bool:
        """Whether the pixels of a sample must be decoded."""
        return any(leg.start is None for leg in self.legs(digest))

    def inputs(self, digest: str, entering: Features | None) -> dict[Leg, Features]:
        """What enters each leg of a sample; `entering`, the file's, may be None unless it needs the file."""
        return {leg: self._enter(leg, digest, entering) for leg in self.legs(digest)}

    def chain(self, leg: Leg) -> Chain:
        """The stretches of the network along a leg, the same objects for equal legs."""
        if leg not in self._chains:
            borders = [leg.cut, *(stop.cut for stop in leg.stops)]
            pairs = zip(borders, leg.stops, strict=False)
            self._chains[leg] = tuple(Segment(self._between(below, stop.cut), stop.shelf) for below, stop in pairs)
        return self._chains[leg]

    def _between(self, start: int, cut: int) -> Prefix:
        return self._prefix(start, cut) if cut > start else _unchanged

    def _enter(self, leg: Leg, digest: str, entering: Features | None) -> Features:
        if leg.start is not None:
            features = leg.start.features(digest)
        elif entering is not None:
            features = entering
        else:
            raise RuntimeError("a leg that begins with the file was given nothing of it")
        if leg.view and leg.cut == 0 and self._wanted.augment is not None:
            features = {"pixels": self._wanted.augment(features["pixels"], digest, leg.view)}
        return features


def _leads_to(view: int, place: ShelfIndex) -> bool:
    """Whether a place lies on the way of a view: stored plain pixels are where every view can begin."""
    target = place.target
    return target.view == view or (target.cut == 0 and target.exact)


def _legs(digest: str, view: int, places: list[ShelfIndex]) -> Iterator[Leg]:
    """The legs of one view, `places` by their cut: a target is reached from the highest features below it."""
    start: ShelfIndex | None = None
    stops: list[Target] = []
    for place in places:
        if digest not in place:
            if place.fills and place.target.view == view:
                stops.append(place.target)
        elif place.target.exact:
            if stops:
                yield Leg(start, view, tuple(stops))
            start, stops = place, []
    if stops:
        yield Leg(start, view, tuple(stops))


def _unchanged(features: Features) -> Features:
    return features
