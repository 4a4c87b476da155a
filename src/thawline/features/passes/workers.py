"""What a pass over files is made of: samples, in batches, and the threads that work on them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thawline.encoders.encoder import Features
    from thawline.features.passes.computing import Chain

# Every forward pass over images and texts has this many samples, the last one filled up, so that a sample's features
# are the same bits whatever is computed with it. Convolutional networks are slower on the CPU at 32: freed memory is
# paged in again.
BATCH = 16


@dataclass(frozen=True)
class Sample:
    """What is to be computed for a sample.

    Attributes:
        digest: Of its content.
        inputs: What enters each chain, without the batch axis.
        share: Share of its file that it is: a track has several windows.
    """

    digest: str
    inputs: Mapping[Chain, Features]
    share: float = 1.0


@dataclass(frozen=True)
class Threads:
    """Where work is done.

    Attributes:
        read: Runs anything beside the network.
        compute: Runs the network.
        count: Batches that are on their way at a time.
        ahead: Files that are read before they are asked for, besides some batches.
        send: Puts batches on an accelerator; None: the network is on the CPU.
        apart: Processes that read files of which only facts are wanted; None: the threads do.
    """

    read: Executor
    compute: Executor
    count: int
    ahead: int
    send: Executor | None = None
    apart: Executor | None = None


def cores() -> int:
    """How many of this machine's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def readers(count: int | None = None) -> Iterator[Threads]:
    """Threads that read, as many as are given or one for each core, and run a network on the CPU where there is one."""
    count = cores() if count is None else count
    pool = ThreadPoolExecutor(count, "thawline-read")
    try:
        yield Threads(pool, pool, count, count)
    finally:
        pool.shutdown(cancel_futures=True)
