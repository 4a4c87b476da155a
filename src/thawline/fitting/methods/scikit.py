"""scikit-learn's regressions, imported without pandas and without SciPy's statistics: in half the time.

scikit-learn would take up data frames if there were any, and calls few of the statistics, none of them to fit a
regression. Whoever needs one all the same, here or elsewhere in the process, gets it: it is imported then.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

_STATISTICS = "scipy.stats"
_TAKEN = ("gmean", "rankdata")  # functions that scikit-learn's modules take by name
_loading = threading.RLock()


def _statistics() -> ModuleType:
    """SciPy's statistics themselves."""
    with _loading:
        if isinstance(sys.modules.get(_STATISTICS), _Later):
            del sys.modules[_STATISTICS]
        return importlib.import_module(_STATISTICS)


class _Later(ModuleType):
    """Stands for SciPy's statistics until something of them is used."""

    importing: int | None

    def __init__(self) -> None:
        super().__init__(_STATISTICS)
        self.__dict__.update({name: self._function(name) for name in _TAKEN}, importing=threading.get_ident())

    def __getattr__(self, name: str) -> Any:
        # An import of a name asks for the package's path first; whoever goes over all modules asks each for its file.
        asks_for_name = name == "__path__" and self.importing == threading.get_ident()
        if asks_for_name or (name.startswith("__") and name not in ("__all__", "__path__")):
            raise AttributeError(name)
        return getattr(_statistics(), name)

    @staticmethod
    def _function(name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            return getattr(_statistics(), name)(*given, **named)

        return call


class _NoPandas(MetaPathFinder):
    """To the thread that made it, pandas is not installed; what is imported already stays."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("scikit-learn is imported without pandas", name=fullname)


@contextmanager
def _holding_back() -> Iterator[None]:
    """Within, this thread imports scikit-learn without what it does not need."""
    later, finder = _Later(), _NoPandas()
    sys.modules.setdefault(_STATISTICS, later)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        later.importing = None


with _holding_back():
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics import log_loss
    from sklearn.model_selection import GroupKFold

__all__ = ["GroupKFold", "LogisticRegression", "Ridge", "log_loss"]
