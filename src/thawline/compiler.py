"""PyTorch's compiler, imported once more of it is asked for than other libraries do when they are imported.

`torch._dynamo` takes a quarter of the time of a run on stored features, and PyTorch itself leaves its import to
`torch.compile` and to the first step of an optimiser. But Lightning asks for a class when it is imported, to know
compiled modules by; Lightning and timm for a decorator, to have functions of theirs left as they are; torchvision for
a function that says which devices it compiles for. As long as the compiler is not imported, the first two can be
answered without it, and the third once it is called. Whoever imports one of these libraries calls `defer_compiler`
before.
"""

import functools
import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_NAME = "torch._dynamo"
_UTILS = "torch._dynamo.utils"
_lock = threading.Lock()
_asked = threading.Event()  # for the compiler itself, which is not held back again


def defer_compiler() -> None:
    """Have the next import of `torch._dynamo` give a stand-in, which imports it for all that it does not hold."""
    with _lock:
        if _NAME not in sys.modules and not is_deferred() and not _asked.is_set():
            sys.meta_path.insert(0, _FINDER)


def is_deferred() -> bool:
    """Whether the compiler is still to be imported."""
    return _FINDER in sys.meta_path


def _compiler() -> Any:
    """The compiler itself, in the place of the stand-in."""
    _give_way()
    return importlib.import_module(_NAME)


def _give_way() -> None:
    with _lock:
        _asked.set()
        if is_deferred():
            sys.meta_path.remove(_FINDER)
    found = sys.modules.get(_NAME)
    if found is None or isinstance(found, _StandIn):
        importlib.import_module(_NAME)  # a thread that imports the stand-in just now ends that first
    with _lock:
        for name in _HELD:
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]


class _Compiled(type):
    def __instancecheck__(cls, module: object) -> bool:
        return not is_deferred() and isinstance(module, _compiler().OptimizedModule)


class OptimizedModule(metaclass=_Compiled):
    """Whose instances are the modules that are compiled."""


def disable(function: Any = None, *given: Any, **named: Any) -> Any:
    """The same function, which is not compiled with what calls it."""
    if not inspect.isfunction(function):  # a class or a module, or a decorator is asked for
        return _compiler().disable(function, *given, **named)
    disabled: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_deferred():
            return function(*args, **kwargs)
        if not disabled:
            disabled.append(_compiler().disable(function, *given, **named))
        return disabled[0](*args, **kwargs)

    return call


def is_compile_supported(device_type: str) -> bool:
    """Whether the compiler compiles for devices of this type."""
    supported: bool = _compiler().utils.is_compile_supported(device_type)
    return supported


_HELD: dict[str, dict[str, Any]] = {
    _NAME: {"OptimizedModule": OptimizedModule, "disable": disable},
    _UTILS: {"is_compile_supported": is_compile_supported},
}


class _StandIn(ModuleType):
    """The compiler or a part of it, imported once more of it is asked for than is here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        vars(self).update(_HELD[name])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by the import system
            raise AttributeError(name)
        _compiler()  # as a whole first: threads that import parts of it in other orders would wait for each other
        return getattr(sys.modules[self.__name__], name)


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-in, and the parts of the compiler, which have the whole imported first."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if fullname == _NAME:
            whole = PathFinder.find_spec(fullname, path)
            spec = ModuleSpec(_NAME, self, is_package=True)
            spec.submodule_search_locations = whole.submodule_search_locations if whole else []
            return spec
        return ModuleSpec(fullname, _Part()) if fullname.startswith(f"{_NAME}.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(_NAME)

    def exec_module(self, module: ModuleType) -> None:
        """The part that is held too is there at once: whoever looks for it then finds neither more nor less."""
        sys.modules[_UTILS] = module.utils = _StandIn(_UTILS)  # type: ignore[attr-defined]


class _Part(Loader):
    """Gives a part of the compiler as it was imported with the whole.

    That is done here and not where it is looked for, which the import system lets one thread do at a time.
    """

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        _give_way()
        if _NAME not in sys.modules:  # a thread that imports it just now may be waiting for this part
            importlib.import_module(_NAME)
        part = importlib.import_module(spec.name)
        self._spec = part.__spec__
        return part

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has put its own there


_FINDER = _Finder()
