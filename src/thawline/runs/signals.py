"""SIGTERM and SIGUSR1, by which a machine asks for its time back: a run ends in order, at a place of its own."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
EXIT_STATUS = 143
_GRACE = 5  # seconds that a forked helper goes on after SIGTERM
_AGAIN = 0.02  # seconds after which a signal is sent again whose exception was lost


class Stopped(BaseException):
    """A signal asked the run to end. Like KeyboardInterrupt it is no error, and no `except Exception` takes it."""

    def __init__(self, name: str) -> None:
        """Name the signal."""
        super().__init__(name)
        self.name = name


class _State:
    """What the handlers of this process know."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.asked: str | None = None
        self.lost = False
        self.deferred = 0
        self.forward: list[Callable[[int], object]] = []


_state = _State()


@contextmanager
def signals_end_the_run() -> Iterator[None]:
    """Within, the first SIGTERM or SIGUSR1 raises `Stopped` wherever the program is, unless that is deferred."""
    global _state
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    outer, _state = _state, _State()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handle_signals()
    try:
        with _nothing_lost_in_callbacks():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state = outer


@contextmanager
def _nothing_lost_in_callbacks() -> Iterator[None]:
    """Within, a signal that came in a destructor or in a callback of a weak reference is sent once more.

    Python drops what is raised there and prints it (`sys.unraisablehook`); each import ends with such a callback.
    """
    outer = sys.unraisablehook

    def hook(dropped: "sys.UnraisableHookArgs", /) -> None:
        if isinstance(dropped.exc_value, Stopped):
            _state.lost = True
            _send_again(signal.Signals[dropped.exc_value.name])
        elif isinstance(dropped.exc_value, KeyboardInterrupt):
            _send_again(signal.SIGINT)
        else:
            outer(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = outer


def _send_again(number: signal.Signals) -> None:
    again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


@contextmanager
def passed_on(forward: Callable[[int], object]) -> Iterator[None]:
    """Within, `forward` is called with the number of each signal, before that ends anything here."""
    _state.forward.append(forward)
    try:
        yield
    finally:
        _state.forward.pop()


@contextmanager
def deferred_signals(forward: Callable[[int], object] | None = None) -> Iterator[None]:
    """Within, a signal is only noted: `asked_to_stop` tells, and whoever can end in order raises `Stopped`.

    What is still noted when the block ends is raised there.

    Args:
        forward: Called with the signal's number too: passes it on to processes that do the work.
    """
    _state.deferred += 1
    try:
        with passed_on(forward or _nobody):
            yield
    finally:
        _state.deferred -= 1
    if _state.asked is not None:
        _state.lost = False
        raise Stopped(_state.asked)


@contextmanager
def ctrl_c_alone(before: Callable[[], object]) -> Iterator[None]:
    """Within, Ctrl-C reaches this process and none that is started here, though a terminal sends it to all of them.

    What is just being started would print where in its imports it was broken off; this process ends the others. It is
    to wake now and then within: Ctrl-C breaks off no single long wait.

    Args:
        before: Called when Ctrl-C comes, before that is raised.
    """
    wanted = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or wanted is not signal.default_int_handler:
        yield  # in the background of a shell it is ignored
        return

    def interrupt(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one waits for nothing
        before()
        raise KeyboardInterrupt

    # Processes inherit what the thread that starts them has blocked. Another thread takes the signal, whose handler
    # Python calls in this one.
    done = threading.Event()
    taker = threading.Thread(target=done.wait, daemon=True)
    taker.start()
    signal.signal(signal.SIGINT, interrupt)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, wanted)
        done.set()
        taker.join()


@cache
def work_for(parent: int) -> None:
    """Leave Ctrl-C to the process `parent`, which started this one, and end within a second of its end.

    A kill leaves it no time to say so, and joblib's workers wait for more. Does nothing where the two are one.
    """
    if os.getppid() != parent:
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def asked_to_stop() -> str | None:
    """The name of the signal that asked this process to end; None where none did."""
    return _state.asked


def handle_signals() -> None:
    """Make the handlers ours (again): Lightning puts its own in their place."""
    for number in SIGNALS:
        signal.signal(number, _handle)


def listen_apart() -> None:
    """Only note signals from now on, in a process that was started to do a part of the work."""
    global _state
    _state = _State()
    _state.deferred = 1
    handle_signals()


def handles_signals() -> bool:
    """Whether signals end this process in order."""
    return _state.process == os.getpid() and signal.getsignal(signal.SIGUSR1) is _handle


def _nobody(_: int) -> None:
    """There are no such processes."""


def _handle(number: int, _: FrameType | None) -> None:
    if os.getpid() != _state.process:
        _in_a_fork(number)
        return
    first, lost = _state.asked is None, _state.lost
    _state.asked, _state.lost = _state.asked or signal.Signals(number).name, False
    if not lost:
        for forward in _state.forward:
            forward(number)
    # Only once: what ends the run in order is not to be broken off by the next signal.
    if (first or lost) and not _state.deferred:
        raise Stopped(_state.asked)


def _in_a_fork(number: int) -> None:
    """A forked helper has inherited the handler. Its parent may have been asked too, and needs it for a last batch."""
    if number == signal.SIGTERM:
        signal.alarm(_GRACE)  # which ends the process
