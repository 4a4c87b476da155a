"""What launchers keep from one call to the next, a cluster say, for as long as the sweep lasts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

_T = TypeVar("_T")
_kept: list[ExitStack] = []


@contextmanager
def lasting() -> Iterator[None]:
    """Within, what launchers keep stays; at the end, whatever that is, it is ended, the last first."""
    with ExitStack() as stack:
        _kept.append(stack)
        try:
            yield
        finally:
            _kept.pop()


def keep(what: AbstractContextManager[_T]) -> _T:
    """Enter `what`, and leave it when the sweep ends."""
    return _kept[-1].enter_context(what)
