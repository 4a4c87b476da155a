"""PyTorch's compiler, imported once something is compiled, and not by whoever wants no part in it.

`torch._dynamo` takes a quarter of the time of a run on stored features, and PyTorch itself leaves its import to
`torch.compile`. But Lightning asks for a class when it is imported, to know compiled modules by, and for a decorator,
to have a function of its own left as it is. As long as the compiler is not imported, both can be answered without it.
"""

import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_NAME = "torch._dynamo"


def defer_compiler() -> None:
    """Have the next import of `torch._dynamo` give a stand-in, which imports it for all that it does not hold."""
    if _NAME not in sys.modules and not is_deferred():
        sys.meta_path.insert(0, _FINDER)


def is_deferred() -> bool:
    """Whether the compiler is still to be imported."""
    return _FINDER in sys.meta_path


def _compiler() -> Any:
    """The compiler itself, in the place of the stand-in."""
    if is_deferred():
        sys.meta_path.remove(_FINDER)
        sys.modules.pop(_NAME, None)
    return importlib.import_module(_NAME)


class _Compiled(type):
    def __instancecheck__(cls, module: object) -> bool:
        return not is_deferred() and isinstance(module, _compiler().OptimizedModule)


class OptimizedModule(metaclass=_Compiled):
    """Whose instances are the modules that are compiled."""


def disable(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """The same function, which is not compiled with what calls it."""
    disabled: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_deferred():
            return function(*args, **kwargs)
        if not disabled:
            disabled.append(_compiler().disable(function, *given, **named))
        return disabled[0](*args, **kwargs)

    return call


class _StandIn(ModuleType):
    """`torch._dynamo`, imported once more of it is asked for than is here."""

    def __init__(self, name: str) -> None:
        super().__init__(name, self.__doc__)
        self.OptimizedModule, self.disable = OptimizedModule, disable

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by the import system
            raise AttributeError(name)
        return getattr(_compiler(), name)


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-in; before a part of the compiler has the whole imported."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if fullname == _NAME:
            whole = PathFinder.find_spec(fullname, path)
            spec = ModuleSpec(_NAME, self, is_package=True)
            spec.submodule_search_locations = whole.submodule_search_locations if whole else []
            return spec
        if not fullname.startswith(f"{_NAME}."):
            return None
        _compiler()
        part = sys.modules.get(fullname)
        return None if part is None else ModuleSpec(fullname, _Imported(part))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(_NAME)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to do."""


class _Imported(Loader):
    """Gives a module that was imported while it was being looked for, as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


_FINDER = _Finder()
