"""Where the model that answers comes from."""

from collections.abc import Callable
from typing import Protocol

from thawline.tasks.bundle.serving import Served


class Source(Protocol):
    """Where a service has its model from, which may become another while it runs."""

    @property
    def served(self) -> Served:
        """The model that answers now."""

    @property
    def problems(self) -> list[str]:
        """What is wrong with it, a sentence each; none: nothing is."""

    def watch(self, changed: Callable[[], object]) -> None:
        """Begin to look for another model; `changed` is called when there is one."""

    def refresh(self, *, again: bool = False) -> None:
        """Look now; also at one that could not be used before, if `again`."""

    def close(self) -> None:
        """Look no longer."""


class FixedSource:
    """One model for good.

    Attributes:
        served: It.
        problems: Why it is not the one that was wanted, a sentence each; none: it is.
    """

    def __init__(self, served: Served, problems: list[str]) -> None:
        """Serve this."""
        self.served, self.problems = served, problems

    def watch(self, changed: Callable[[], object]) -> None:
        """There is never another."""

    def refresh(self, *, again: bool = False) -> None:
        """There is never another."""

    def close(self) -> None:
        """There is nothing to end."""
