"""How much memory the pictures that are being decoded may take together, in all threads and helping processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from threading import Condition
from types import SimpleNamespace

IN_FLIGHT = 512 * 2**20  # bytes


class Budget:
    """Bytes that threads share: who needs more than is free waits."""

    def __init__(self, capacity: int, context: BaseContext | None = None) -> None:
        """All is free.

        Args:
            capacity: Bytes.
            context: Of the processes that share it; None: only the threads of this one do.
        """
        self._capacity = capacity
        self._changed = context.Condition() if context else Condition()
        self._free = context.Value("q", capacity, lock=False) if context else SimpleNamespace(value=capacity)

    def shared(self, context: BaseContext) -> Budget:
        """One of as many bytes for processes that are started by `context`."""
        return Budget(self._capacity, context)

    def join(self, other: Budget) -> None:
        """From now on mean the bytes of `other`, which this process was given when it started."""
        self._capacity, self._changed, self._free = other._capacity, other._changed, other._free

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Have `amount` bytes within, or all of them where it is more. Never ask for some while holding some."""
        amount = min(amount, self._capacity)
        with self._changed:
            self._changed.wait_for(lambda: self._free.value >= amount)
            self._free.value -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free.value += amount
                self._changed.notify_all()


DECODING = Budget(IN_FLIGHT)
