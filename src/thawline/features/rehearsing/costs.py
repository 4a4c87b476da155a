"""What work costs this machine, measured: seconds by the clock and of the processor, and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS, _PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """What something costs.

    Attributes:
        wall: Seconds by the clock.
        processor: Seconds of all of this process's threads.
    """

    wall: float = 0.0
    processor: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.processor + other.processor)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(max(0.0, self.wall - other.wall), max(0.0, self.processor - other.processor))

    def __mul__(self, times: float) -> Cost:
        return Cost(self.wall * times, self.processor * times)


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        """What there was since."""
        return Cost(time.perf_counter() - self._wall, time.process_time() - self._processor)


class Spent:
    """What was spent within `counting`, all times together; one within another counts once."""

    def __init__(self) -> None:
        self.cost = Cost()
        self._depth = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what happens within."""
        clock, self._depth = Clock(), self._depth + 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.cost += clock.cost()


def peak_memory() -> int:
    """The most bytes that this process had in memory since it began, or since `forget_peak` where the system has it."""
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def forget_peak() -> None:
    """Begin anew with `peak_memory`, on Linux."""
    with suppress(OSError):
        _PEAK.write_text("5")
