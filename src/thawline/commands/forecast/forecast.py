"""What a command line is expected to take, as far as it was found."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from thawline.features.rehearsing.costs import Cost


@dataclass
class Part:
    """The trials with one encoder at one thaw line, and one way of fitting.

    Attributes:
        encoder: Its name.
        thaw: The thaw line.
        method: The method's name.
        trials: How many.
        features: The share of the feature pass that leads here.
        fits: All their fits.
        least: These where each is at its best after the first epoch, and stops as soon as it can.
        most: These where none stops before its last epoch.
        rest: What else they take: reading, scoring, files.
        bytes: That the store grows by.
        stored: Whether nothing is computed for it.
        memory: The most bytes in memory at a time.
        reason: Why they would fail; None: they would not, as far as that was seen.
    """

    encoder: str
    thaw: str
    method: str
    trials: float
    features: Cost = field(default_factory=Cost)
    fits: Cost = field(default_factory=Cost)
    least: Cost = field(default_factory=Cost)
    most: Cost = field(default_factory=Cost)
    rest: Cost = field(default_factory=Cost)
    bytes: int = 0
    stored: bool = False
    memory: int = 0
    reason: str | None = None


@dataclass
class Forecast:
    """What a command line is expected to take.

    Attributes:
        parts: By encoder, thaw line and method.
        start: Imports, reading the settings, building networks.
        finish: Judging what was chosen, the tables and pictures.
        workers: Trials side by side.
        others: Bytes that the store grows by besides its shelves.
        samples: Files that can be used, and those of them that were rehearsed with.
        far: Whether trials run on other machines, whose cores are not known.
        searched: Whether the trials are those of a search, of which none is known.
    """

    parts: list[Part]
    start: Cost
    finish: Cost
    workers: int
    others: int
    samples: tuple[int, int]
    far: bool = False
    searched: bool = False

    @property
    def features(self) -> Cost:
        """All feature passes."""
        return sum((part.features for part in self.parts), Cost())

    @property
    def total(self) -> Cost:
        """All of it, with as many trials side by side as there are workers."""
        return self._total([part.fits for part in self.parts])

    @property
    def least(self) -> Cost:
        """All of it where every fit stops as soon as it can."""
        return self._total([part.least for part in self.parts])

    @property
    def most(self) -> Cost:
        """All of it where no fit stops before its last epoch."""
        return self._total([part.most for part in self.parts])

    def _total(self, fits: Sequence[Cost]) -> Cost:
        alone = sum((part.rest for part in self.parts), sum(fits, Cost()))
        rest = self.start + self.features + self.finish
        cores = self.workers if self.far else min(self.workers, os.cpu_count() or 1)
        together = max(alone.wall / self.workers, alone.processor / cores) if self.workers > 1 else alone.wall
        return Cost(rest.wall + together, rest.processor + alone.processor)

    @property
    def bytes(self) -> int:
        """That the store grows by."""
        return sum(part.bytes for part in self.parts) + self.others

    @property
    def memory(self) -> int:
        """The most bytes in memory at a time on this machine, over all trials that run side by side on it."""
        return max((part.memory for part in self.parts), default=0) * (1 if self.far else self.workers)
