"""Processes that read files: threads that read small ones mostly wait for each other to let go of the interpreter."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from thawline.data.photos.decoding.budget import DECODING, Budget
from thawline.features.passes.helping import HelpingProcesses
from thawline.features.passes.workers import cores
from thawline.process import is_command, keep_freed_memory

_WORTH = 500  # files for each process, which takes half a second of a core to start


@contextmanager
def processes(files: int, unit: str) -> Iterator[HelpingProcesses | None]:
    """Processes that read, one for each core.

    None where threads are to do it: where there are too few files to be worth it, where the system gives no processes
    that share memory, and in another process than the command's own, whose main module each of these would import.

    Args:
        files: How many are to be read.
        unit: What they are called, such as `photos`.
    """
    count = min(cores(), files // _WORTH)
    pool = _started(count, unit) if count > 1 and is_command() else None
    try:
        yield pool
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _started(count: int, unit: str) -> HelpingProcesses | None:
    if sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["thawline.features.media"])
    else:  # what a copied process may do depends on what its libraries have begun
        context = multiprocessing.get_context("spawn")
    ended = (
        f"a process that read {unit} was ended by the system, for want of memory perhaps; try again, what was read is "
        "remembered"
    )
    try:
        return HelpingProcesses(count, context, ended, partial(_begin, DECODING.shared(context)))
    except (OSError, ImportError):  # no semaphores, no room for them, no sockets, no more processes
        return None


def _begin(budget: Budget) -> None:
    keep_freed_memory()
    DECODING.join(budget)
