"""Processes that help the command, each behind a pipe of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from queue import SimpleQueue
from typing import Any, TypeVar

from thawline.errors import UserError
from thawline.process import end_with_parent

T = TypeVar("T")


class HelpingProcesses(Executor):
    """Processes that compute for the command, and end when it does.

    They share no pipe and no lock: in `ProcessPoolExecutor` all answers take one pipe, and when a process is killed
    while it writes there, its command waits for the rest of that answer for ever. Here the pipe ends with its process.
    """

    def __init__(
        self,
        count: int,
        context: ForkServerContext | SpawnContext,
        ended: str,
        begin: Callable[[], object] | None = None,
    ) -> None:
        """Start them.

        Args:
            count: How many.
            context: By what they are started.
            ended: What the UserError of an answer says, and of all after it, once the system has ended one of them.
            begin: What each does first.

        Raises:
            OSError: The system gives no more processes.
        """
        self._ended = ended
        self._begin = begin  # kept: what it gives them, such as a lock, must be there when they have started
        self._threads = ThreadPoolExecutor(count, "thawline-ask")
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._processes = []
        try:
            for _ in range(count):
                ours, theirs = context.Pipe()
                with theirs:
                    process = context.Process(target=_serve, args=(theirs, begin), daemon=True)
                    process.start()
                self._processes.append(process)
                self._idle.put(ours)
        except BaseException:
            self.shutdown(cancel_futures=True)
            raise

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have one of them call `fn`; both it and what it returns or raises must be fit for pickle."""
        return self._threads.submit(self._ask, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End them, and wait for that: at once if `cancel_futures`, otherwise after what was submitted."""
        if not cancel_futures:
            self._threads.shutdown()
        self._kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.join()

    def _ask(self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        pipe = self._idle.get()
        try:
            pipe.send((function, args, kwargs))
            error, answer = pipe.recv()
        except (EOFError, OSError) as lost:
            self._kill()  # the others may wait for what the lost one held
            raise UserError(self._ended) from lost
        finally:
            self._idle.put(pipe)
        if error is not None:
            raise error
        return answer  # type: ignore[no-any-return]

    def _kill(self) -> None:
        """They hold nothing that an end could harm."""
        for process in self._processes:
            if process.is_alive():
                process.kill()


def _serve(pipe: Connection, begin: Callable[[], object] | None) -> None:
    """What a process does: answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this
    end_with_parent()
    if begin is not None:
        begin()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(_answer(*pipe.recv()))


def _answer(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Exception | None, object]:
    try:
        return None, function(*args, **kwargs)
    except Exception as error:
        return error, None
