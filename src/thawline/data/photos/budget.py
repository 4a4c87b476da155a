"""How much memory the pictures that are being decoded may take together, in all threads of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

IN_FLIGHT = 512 * 2**20  # bytes


class Budget:
    """Bytes that threads share: who needs more than is free waits."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free = capacity
        self._changed = Condition()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Have `amount` bytes within, or all of them where it is more. Never ask for some while holding some."""
        amount = min(amount, self._capacity)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


DECODING = Budget(IN_FLIGHT)
