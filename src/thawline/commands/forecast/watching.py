"""Fits that are looked at while they go on, and broken off once enough was seen."""

from thawline.errors import PrunedError
from thawline.features.rehearsing.costs import Clock, Cost

_PATIENCE = 4  # times as long by the clock
_LEAST = 2  # epochs


class Watching:
    """Looks at the clock at the end of each epoch, and ends the fit when it has seen enough."""

    def __init__(self, seconds: float) -> None:
        """Begin to count.

        Args:
            seconds: Of the processor that are enough, from the end of the first epoch on.
        """
        self.clock, self._seconds = Clock(), seconds
        self.marks: list[Cost] = []
        self.losses: list[float] = []

    def epoch(self, fold: str, epoch: int, loss: float) -> None:
        """Take the time."""
        self.marks.append(self.clock.cost())
        self.losses.append(loss)
        took = self.marks[-1] - self.marks[0]
        # By the processor, whatever else the machine does; by the clock where the disk or an accelerator is waited for.
        if len(self.marks) > _LEAST and max(took.processor, took.wall / _PATIENCE) > self._seconds:
            raise PrunedError("enough was seen")

    def fold(self, fold: str, score: float) -> None:
        """Nothing: there is one."""

    @property
    def each(self) -> Cost:
        """What an epoch took after the first, which is slower."""
        if len(self.marks) > 1:
            return (self.marks[-1] - self.marks[0]) * (1 / (len(self.marks) - 1))
        return self.marks[0] if self.marks else Cost()

    @property
    def best(self) -> int:
        """The epoch of the least loss, counted from 1; 0 before the first has ended."""
        return self.losses.index(min(self.losses)) + 1 if self.losses else 0
