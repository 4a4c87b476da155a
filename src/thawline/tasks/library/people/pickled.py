"""Lists, dictionaries, numbers and NumPy's arrays of a pickle, which is read and never run.

`pickletools` names a pickle's operations without carrying any out. Those that put plain data together are followed
here; what would import or call anything else ends the reading. A pickle's size bounds what it may make.
"""

import pickletools
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from thawline.errors import UnusableError

MOST_BYTES = 256 * 1024 * 1024
_MOST_OBJECTS = 20_000_000
_MARK = object()
_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_BUFFERS = ("numpy.core.numeric", "numpy._core.numeric")
_KINDS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}

_VALUES = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 "
    "SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8 STRING BINSTRING SHORT_BINSTRING"
)
_VALUE_CODES = frozenset(_VALUES.split())
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Named:
    """What a pickle would import."""

    module: str
    name: str


@dataclass
class _Type:
    """A NumPy type on its way; `>` of a BUILD makes it big-endian."""

    kind: str


@dataclass
class _Array:
    """A NumPy array on its way."""

    value: np.ndarray[Any, np.dtype[Any]] | None = None


def read_pickle(data: bytes) -> Any:
    """What plain data the pickle `data` holds; arrays as NumPy's.

    Raises:
        UnusableError: It is no pickle, holds anything else, or more than its size accounts for.
    """
    if len(data) > MOST_BYTES:
        raise UnusableError(f"it has {len(data):,} bytes, and {MOST_BYTES:,} are read")
    reader = _Reader()
    try:
        for number, (operation, argument, _) in enumerate(pickletools.genops(data)):
            if number >= _MOST_OBJECTS:
                raise UnusableError(f"it has more than {_MOST_OBJECTS:,} operations")
            if operation.name == "STOP":
                return _plain(reader.stack.pop())
            reader.follow(operation.name, argument)
    except UnusableError:
        raise
    except Exception as error:  # an operation that finds something else than it needs
        raise UnusableError("it is damaged, or no pickle") from error
    raise UnusableError("it is cut off")


class _Reader:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def follow(self, code: str, argument: Any) -> None:
        stack = self.stack
        if code in _VALUE_CODES:
            stack.append(argument)
        elif code in _CONSTANTS:
            stack.append(_CONSTANTS[code])
        elif code in _EMPTY:
            stack.append(_EMPTY[code]())
        elif code in _SHORT_TUPLES:
            count = _SHORT_TUPLES[code]
            stack[-count:] = [tuple(stack[-count:])]
        elif code == "MARK":
            stack.append(_MARK)
        elif code in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif code == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif code in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif code not in ("PROTO", "FRAME"):
            self._gather(code, argument)

    def _gather(self, code: str, argument: Any) -> None:
        stack = self.stack
        if code == "APPEND":
            value = stack.pop()
            _as(list, stack[-1]).append(value)
        elif code == "APPENDS":
            values = self._since_mark()
            _as(list, stack[-1]).extend(values)
        elif code == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _set(stack[-1], [key, value])
        elif code == "SETITEMS":
            values = self._since_mark()
            _set(stack[-1], values)
        elif code in ("LIST", "TUPLE"):
            values = self._since_mark()
            stack.append(values if code == "LIST" else tuple(values))
        elif code == "DICT":
            values = self._since_mark()
            stack.append({})
            _set(stack[-1], values)
        else:
            self._construct(code, argument)

    def _construct(self, code: str, argument: Any) -> None:
        stack = self.stack
        if code == "GLOBAL":
            module, _, name = argument.partition(" ")
            stack.append(_Named(module, name))
        elif code == "STACK_GLOBAL":
            name, module = stack.pop(), stack.pop()
            stack.append(_Named(_as(str, module), _as(str, name)))
        elif code == "REDUCE":
            arguments, named = stack.pop(), stack.pop()
            stack.append(_made(_as(_Named, named), _as(tuple, arguments)))
        elif code == "BUILD":
            state = stack.pop()
            _build(stack[-1], _as(tuple, state))
        else:
            raise UnusableError(f"it holds something else than lists, dictionaries, numbers and arrays ({code})")

    def _since_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise UnusableError("it is damaged, or no pickle")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values


def _as(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise UnusableError("it is damaged, or no pickle")
    return value


def _set(target: Any, pairs: list[Any]) -> None:
    for place in range(0, len(pairs), 2):
        key = pairs[place]
        _as(dict, target)[_number(key) if isinstance(key, _Array) else key] = pairs[place + 1]


def _made(named: _Named, arguments: tuple[Any, ...]) -> Any:
    """What `named` would make of `arguments`, where that is plain data."""
    module, name = named.module, named.name
    if module in _ARRAYS and name == "_reconstruct":
        return _Array()
    if module in _ARRAYS and name == "scalar":
        return _Array(_from_bytes(arguments[1], _as(_Type, arguments[0]), ()))
    if module in _BUFFERS and name == "_frombuffer":
        data, kind, shape, order = arguments
        return _Array(_from_bytes(data, _as(_Type, kind), shape, fortran=order == "F"))
    if (module, name) == ("numpy", "dtype"):
        return _Type(_kind(_as(str, arguments[0])))
    if (module, name) == ("_codecs", "encode") and arguments[1] == "latin1":  # bytes, in protocol 2
        return _as(str, arguments[0]).encode("latin1")
    if module == "collections" and name in ("defaultdict", "OrderedDict"):
        return {}
    raise UnusableError(f"it would call {module}.{name}, which is not done")


def _build(target: Any, state: tuple[Any, ...]) -> None:
    if isinstance(target, _Type):
        target.kind = (">" if state[1] == ">" else "<") + target.kind[-2:]
    elif isinstance(target, _Array) and target.value is None:
        _, shape, kind, fortran, data = state
        target.value = _from_bytes(data, _as(_Type, kind), shape, fortran=bool(fortran))
    else:
        raise UnusableError("it is damaged, or no pickle")


def _kind(text: str) -> str:
    if text.lstrip("<>=|") not in _KINDS:
        raise UnusableError("it has arrays of something else than numbers")
    return "<" + text.lstrip("<>=|")


def _from_bytes(data: Any, kind: _Type, shape: Any, *, fortran: bool = False) -> np.ndarray[Any, np.dtype[Any]]:
    """The array of exactly these bytes: a shape that needs others is refused before anything is made."""
    sizes = [_as(int, size) for size in _as(tuple, shape)]
    dtype = np.dtype(kind.kind)
    if not isinstance(data, bytes | bytearray) or min(sizes, default=0) < 0 or len(sizes) > 4:
        raise UnusableError("it is damaged, or no pickle")
    if prod(sizes) * dtype.itemsize != len(data):
        raise UnusableError("it declares an array of another size than it has")
    return np.frombuffer(data, dtype).reshape(sizes, order="F" if fortran else "C")


def _number(value: Any) -> Any:
    return value.value.item() if isinstance(value, _Array) and value.value is not None else value


def _plain(value: Any) -> Any:
    """`value`, an array where it is one; what is in lists is left for who goes over them."""
    return value.value if isinstance(value, _Array) else value


def as_array(value: Any) -> Any:
    """A value within what was read, as NumPy's array or plain number where it is one on its way."""
    return _plain(value)
