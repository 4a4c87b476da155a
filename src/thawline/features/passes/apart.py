"""Processes that read files: threads that read small ones mostly wait for each other to let go of the interpreter."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from thawline.data.photos.decoding.budget import DECODING, Budget
from thawline.features.passes.workers import cores
from thawline.process import end_with_parent, is_command, keep_freed_memory

_WORTH = 500  # files for each process, which takes half a second of a core to start


@contextmanager
def processes(files: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes that read, one for each core.

    None where threads are to do it: where there are too few files to be worth it, where the system gives no processes
    that share memory, and in another process than the command's own, whose main module each of these would import.

    Args:
        files: How many are to be read.
    """
    count = min(cores(), files // _WORTH)
    pool = _started(count) if count > 1 and is_command() else None
    try:
        yield pool
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _started(count: int) -> ProcessPoolExecutor | None:
    # Elsewhere what a copied process may do depends on what its libraries have begun.
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(["thawline.features.media"])
    try:
        pool = ProcessPoolExecutor(count, context, _begin, (DECODING.shared(context),))
        pool.submit(int)  # starts them
    except (OSError, ImportError):  # no semaphores, no room for them, no sockets, no more processes
        return None
    return pool


def _begin(budget: Budget) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this
    end_with_parent()
    keep_freed_memory()
    DECODING.join(budget)
