"""What the command's own process does otherwise than Python would: how it keeps memory, imports and ends."""

import atexit
import ctypes
import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

# Of glibc's malloc.h, and more than any tensor of a batch takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE, _LARGE_BEFORE_2_35 = 2**30, 2**25  # the most that older releases take
_TURN = 5e-4  # seconds
_kept: list[bool] = []  # whether this process keeps its imports

# tqdm's, in a notebook without ipywidgets, whenever a library imports it; none of its bars is shown here.
warnings.filterwarnings("ignore", "IProgress not found")


def keep_freed_memory() -> None:
    """Keep freed memory for the next tensor, and let all threads share it. Before the first thread starts.

    Otherwise the allocator gives each large tensor back and has the system clear the next one page by page: a sixth of
    a ResNet50's forward pass. Does nothing with another C library than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    # If neither is taken, the rest would only switch off the allocator's own thresholds, which grow with use.
    if mallopt and (mallopt(_MMAP_THRESHOLD, _LARGE) or mallopt(_MMAP_THRESHOLD, _LARGE_BEFORE_2_35)):
        mallopt(_TRIM_THRESHOLD, _LARGE)
        mallopt(_ARENA_MAX, 1)


def give_back_freed_memory() -> None:
    """Give the system back what was freed, after something large; the allocator keeps it otherwise, and per thread."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def keep_imports() -> None:
    """From now on what an import leaves behind is never looked through for garbage: it stays to the process's end."""
    _kept.append(True)


def is_command() -> bool:
    """Whether this is the command's own process, and not one of somebody who imported the package."""
    return bool(_kept)


@contextmanager
def importing(*, alone: bool = True) -> Iterator[None]:
    """Within, no garbage is looked for: what an import makes stays, and looking takes a fifth of its time.

    Args:
        alone: Whether nothing is made within but modules, so that they can be kept (see `keep_imports`) as they are.
    """
    was_on, before = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if _kept and alone and len(sys.modules) > before:
                gc.freeze()
            gc.enable()


@contextmanager
def importing_without(name: str) -> Iterator[None]:
    """Within, this thread can't import the library `name`, as if it were not installed.

    For a library that tries another one which takes long and which nothing here asks it for. What is imported already
    is there all the same, and other threads import what they like.
    """
    absent = _Absent(name)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)


class _Absent(MetaPathFinder):
    """Says of one library that it is not installed, to the thread that made this."""

    def __init__(self, name: str) -> None:
        self._name, self._thread = name, threading.get_ident()

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:  # it is called so
        if fullname == self._name and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)


@contextmanager
def short_turns() -> Iterator[None]:
    """Within, a thread that waits for the interpreter gets it ten times sooner than usual.

    An import holds it all the time. A thread beside it that decodes or computes asks for it every few milliseconds, and
    would each time wait for five.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def end_with_parent() -> None:
    """End this process, which another one started, once that has ended, killed or not: who would it work for?"""
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    import multiprocessing  # late: whoever started this process has it imported

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def end_at_once(status: Callable[[], int | None]) -> None:
    """At the process's end leave its memory to the system, rather than take a million objects apart: half a second.

    Call it first of all: what is registered to be done at the end is done in reverse order, so this comes last. By then
    all threads have ended.

    Args:
        status: Called at the end; the exit status, or None for Python's usual end.
    """

    def leave() -> None:
        code = status()
        if code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:  # it was closed before we began
                    stream.flush()
        except (OSError, ValueError):  # a closed pipe: Python says so and has a status for it
            return
        os._exit(code)

    atexit.register(leave)
