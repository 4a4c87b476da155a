"""Samples through a frozen network into a shelf."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice

import torch

from thawline.encoders.encoder import Features
from thawline.features.store import Shelf

# Every forward pass has this many samples, the last one filled up, so that a sample's features are the same bits
# whatever is computed with it. Convolutional networks are slower on the CPU at 32: freed memory is paged in again.
BATCH = 16
CPU = torch.device("cpu")

Prefix = Callable[[Features], Features]


@dataclass(frozen=True)
class Threads:
    """Where work is done: `read` runs anything beside the network, `compute` the network."""

    read: Executor
    compute: Executor
    count: int


@contextmanager
def threads(device: torch.device) -> Iterator[Threads]:
    """Threads for one pass.

    On the CPU the same threads read and compute, one for each core, and each network runs on its own core: threads
    that share a forward pass wait for each other whenever another of them, or another program, has a core. It also
    makes the features' bits independent of the number of cores. Other devices are driven by one thread.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # what threads started from now on take over
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        pool = ThreadPoolExecutor(count, "thawline-read")
        stack.callback(pool.shutdown, cancel_futures=True)
        if device.type == "cpu":
            yield Threads(pool, pool, count)
        else:
            driver = ThreadPoolExecutor(1, "thawline-compute")
            stack.callback(driver.shutdown, cancel_futures=True)
            yield Threads(pool, driver, 1)


def fill(
    shelf: Shelf,
    prefix: Prefix,
    samples: Iterable[tuple[str, Features]],
    *,
    workers: Threads,
    device: torch.device,
    more: Callable[[], int],
    advance: Callable[[int], object],
) -> int:
    """Compute and store features, batch by batch; what is stored is durable. Only within `shelf.filling()`.

    Args:
        shelf: Takes the features.
        prefix: The frozen network, on `device` and in eval mode: named tensors, batch first, to those at the cut.
        samples: Digest and inputs (without the batch axis) of each sample, drawn as they are needed.
        workers: From `threads`.
        device: Where `prefix` lies.
        more: How many samples are still to be drawn, at least.
        advance: Called with the number of samples just stored.

    Returns:
        How many were computed.
    """
    pending: deque[tuple[list[str], Future[Features]]] = deque()
    computed = 0

    def store() -> int:
        digests, features = pending.popleft()
        waiting = sum(len(digests) for digests, _ in pending)
        count = shelf.append(digests, features.result(), more() + waiting)
        advance(count)
        return count

    drawn = iter(samples)
    while chunk := list(islice(drawn, BATCH)):
        digests, inputs = zip(*chunk, strict=True)
        pending.append((list(digests), workers.compute.submit(_forward, prefix, inputs, device)))
        while pending and (len(pending) > workers.count or pending[0][1].done()):
            computed += store()
    while pending:
        computed += store()
    return computed


def _forward(prefix: Prefix, inputs: Sequence[Features], device: torch.device) -> Features:
    """The features of at most `BATCH` samples, from a full batch."""
    full = [*inputs, *[inputs[-1]] * (BATCH - len(inputs))]
    batch = {name: torch.stack([one[name] for one in full]).to(device) for name in full[0]}
    with torch.inference_mode():
        outputs = prefix(batch)
    return {name: tensor[: len(inputs)].cpu() for name, tensor in outputs.items()}
