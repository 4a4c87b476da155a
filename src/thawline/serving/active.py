"""The registry's active version as what answers: another one takes its place as soon as it is active."""

import threading
from collections.abc import Callable

from thawline.errors import UserError
from thawline.tasks.bundle.serving import Served
from thawline.versions.registry import Registry
from thawline.versions.schema import ModelVersion

_EVERY = 0.5  # seconds between two looks at the database, each of one row
_AGAIN = 30.0  # seconds until a version that can't be used is tried again: a copy may have been put back


class ActiveSource:
    """The active version, loaded beside the one that answers and put in its place in one step.

    A request that has begun keeps the model that it began with. A version that can't be used takes nobody's place:
    `problems` names it.
    """

    def __init__(
        self, registry: Registry, load: Callable[[ModelVersion], Served], stand_in: Callable[[], Served]
    ) -> None:
        """Load the active version.

        Args:
            registry: Where it is.
            load: Loads a version, verified.
            stand_in: What answers while there is none that can be used.

        Raises:
            UserError: Nor can the stand-in be used; it names the version that can't be, too.
        """
        self._registry, self._load = registry, load
        self._lock = threading.Lock()  # one at a time looks and loads
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._changed: Callable[[], object] = lambda: None
        self._failed: tuple[int, str] | None = None
        self._trouble: str | None = None
        version = registry.active()
        served = None if version is None else self._loaded(version)
        self._served = served or self._stood_in(stand_in)

    @property
    def served(self) -> Served:
        """The model that answers now."""
        return self._served

    @property
    def problems(self) -> list[str]:
        """What is wrong, a sentence each."""
        found = [] if self._trouble is None else [self._trouble]
        if self._failed is not None:
            number, reason = self._failed
            found.append(f"v{number} is active and can't be used, {self._served.name} answers: {reason}")
        elif self._served.version is None:
            found.append(f"no version is active yet, {self._served.name} answers")
        return found

    def watch(self, changed: Callable[[], object]) -> None:
        """Begin to look for another version; `changed` is called when one took its place."""
        self._changed = changed
        self._thread = threading.Thread(target=self._look, name="thawline-versions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def refresh(self, *, again: bool = False) -> None:
        """Look now, and return when the active version answers or is known to be of no use.

        Args:
            again: Whether to try one again that could not be used.
        """
        with self._lock:
            try:
                version = self._registry.active()
                self._trouble = None
            except UserError as error:
                self._trouble = str(error)
                return
            if version is None or version.number == self._served.version:
                self._failed = None
                return
            if self._failed is not None and self._failed[0] == version.number and not again:
                return
            served = self._loaded(version)
            if served is not None:
                self._served = served
                self._changed()

    def _stood_in(self, stand_in: Callable[[], Served]) -> Served:
        try:
            return stand_in()
        except UserError as error:
            if self._failed is None:
                raise
            number, reason = self._failed
            raise UserError(
                f"v{number} is active and can't be used: {reason}; nor can the base model, which would answer: {error}"
            ) from error

    def _loaded(self, version: ModelVersion) -> Served | None:
        try:
            served = self._load(version)
        except UserError as error:
            self._failed = version.number, str(error)
            return None
        self._failed = None
        return served

    def _look(self) -> None:
        waited = 0.0
        while not self._end.wait(_EVERY):
            waited = waited + _EVERY if self._failed is not None else 0.0
            again = waited >= _AGAIN
            self.refresh(again=again)
            waited = 0.0 if again else waited
