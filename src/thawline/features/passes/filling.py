"""Samples through a frozen network onto shelves, at one cut or at several in one go."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch

from thawline.encoders.encoder import Features
from thawline.features.passes.computing import Accelerated, Chain, forward
from thawline.features.passes.workers import BATCH, Sample, Threads, readers
from thawline.features.store.disk import check_room, explained
from thawline.features.store.store import Shelf

# Samples that lack different features wait for others of their kind; so many batches at most: memory stays bounded.
_WAITING = 4

_Submit = Callable[[Chain, Sequence[Features]], Future[list[Features]]]
_Keep = Callable[[Shelf, list[str], Features], int]


@contextmanager
def threads(device: torch.device, count: int | None = None) -> Iterator[Threads]:
    """Threads for one pass, of which `count` read; None: one for each core.

    On the CPU the same threads read and compute, one for each core, and each network runs on its own core: threads
    that share a forward pass wait for each other whenever another of them, or another program, has a core. It also
    makes the features' bits independent of the number of cores. An accelerator is driven by one thread while all cores
    read. Another one sends it the next batch; not so an Apple GPU, which has the CPU's memory and wants one thread.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # what threads started from now on take over
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        workers = stack.enter_context(readers(count))
        if device.type == "cpu":
            yield workers
        else:
            driver = ThreadPoolExecutor(1, "thawline-compute")
            sender = ThreadPoolExecutor(1, "thawline-send") if device.type == "cuda" else driver
            for one in (driver, sender):
                stack.callback(one.shutdown, cancel_futures=True)
            # Enough that no core waits while a batch is stored.
            yield Threads(workers.read, driver, 2, 4 * workers.ahead, sender)


def fill(
    samples: Iterable[Sample],
    *,
    workers: Threads,
    device: torch.device,
    owed: Callable[[Shelf], int],
    advance: Callable[[float], object],
    batch: int = BATCH,
    computed: Counter[Shelf] | None = None,
    compiled: bool = False,
    keep: _Keep = Shelf.append,
) -> Counter[Shelf]:
    """Compute and store features, batch by batch; what is stored is durable. Only within `filling()` of each shelf.

    Samples of a batch lack the same features. No more than a few batches are in memory.

    Args:
        samples: Drawn as they are needed.
        workers: From `threads`.
        device: Where the chains' prefixes lie.
        owed: How many samples that a shelf lacks are still to be drawn, at least.
        advance: Called with the number of files of which everything is stored now.
        batch: Samples in a batch, which on the CPU is a forward pass.
        computed: How many features each shelf was given before; it counts on, also where this ends with an error.
        compiled: Whether PyTorch compiles the networks, on an accelerator.
        keep: Takes what a shelf lacks, and says how much of it was new: the shelf itself, or who puts it there later.

    Returns:
        How many features each shelf was given.

    Raises:
        UserError: The disk is full, or is too small for what is still to come; or an accelerator's memory is too small.
    """
    submit: _Submit
    if workers.send is None:
        submit = lambda chain, inputs: workers.compute.submit(forward, chain, inputs, batch)  # noqa: E731
    else:
        submit = Accelerated(device, batch, send=workers.send, compute=workers.compute, compiled=compiled).submit
    filler = _Filler(workers.count, submit, owed, advance, batch, Counter() if computed is None else computed, keep)
    for sample in samples:
        filler.take(sample)
    return filler.finish()


@dataclass(frozen=True)
class _Job:
    """A batch, so many files, on its way through one chain; `last` of the chains that its samples go through."""

    chain: Chain
    digests: list[str]
    share: float
    ends: Future[list[Features]]
    last: bool


class _Filler:
    """Batches that wait for samples, and batches that are being computed."""

    def __init__(
        self,
        count: int,
        submit: _Submit,
        owed: Callable[[Shelf], int],
        advance: Callable[[float], object],
        batch: int,
        computed: Counter[Shelf],
        keep: _Keep,
    ) -> None:
        self._count = count
        self._submit = submit
        self._owed = owed
        self._advance = advance
        self._batch = batch
        self._waiting: dict[tuple[Chain, ...], list[Sample]] = {}
        self._pending: deque[_Job] = deque()
        self._drawn: Counter[Shelf] = Counter()  # samples that were drawn and are not stored yet
        self._row_bytes: dict[Shelf, int] = {}
        self._computed = computed
        self._keep = keep

    def take(self, sample: Sample) -> None:
        """Put a sample beside those that go through the same chains; compute them when they are a batch."""
        kind = tuple(sample.inputs)
        group = self._waiting.setdefault(kind, [])
        group.append(sample)
        self._drawn.update(segment.shelf for chain in kind for segment in chain)
        if len(group) == self._batch:
            self._begin(kind)
        elif sum(map(len, self._waiting.values())) > _WAITING * self._batch:
            self._begin(max(self._waiting, key=lambda kind: len(self._waiting[kind])))

    def finish(self) -> Counter[Shelf]:
        """Compute and store what is left; how many features each shelf was given in all."""
        for kind in list(self._waiting):
            self._begin(kind)
        while self._pending:
            self._store(self._pending.popleft())
        return self._computed

    def _begin(self, kind: tuple[Chain, ...]) -> None:
        samples = self._waiting.pop(kind)
        digests = [sample.digest for sample in samples]
        share = sum(sample.share for sample in samples)
        for number, chain in enumerate(kind, 1):
            inputs = [sample.inputs[chain] for sample in samples]
            ends = self._submit(chain, inputs)
            self._pending.append(_Job(chain, digests, share, ends, last=number == len(kind)))
            while self._pending and (len(self._pending) > self._count or self._pending[0].ends.done()):
                self._store(self._pending.popleft())

    def _store(self, job: _Job) -> None:
        ends = job.ends.result()
        shelves = [segment.shelf for segment in job.chain]
        self._row_bytes |= {shelf: shelf.row_bytes(end) for shelf, end in zip(shelves, ends, strict=True)}
        require_room(self._row_bytes, lambda shelf: self._owed(shelf) + self._drawn[shelf])
        for shelf, end in zip(shelves, ends, strict=True):
            self._computed[shelf] += self._keep(shelf, job.digests, end)
            self._drawn[shelf] -= len(job.digests)
        if job.last:
            self._advance(job.share)


def require_room(row_bytes: Mapping[Shelf, int], rows: Callable[[Shelf], int]) -> None:
    """Refuse what the disk is too small for: before the first row rather than after hours of computing.

    Args:
        row_bytes: Bytes of a row, for each shelf that is known of, all of one store.
        rows: How many a shelf is still to be given, at least.

    Raises:
        UserError: The disk has less room.
    """
    needed = sum(size * rows(shelf) for shelf, size in row_bytes.items())
    root = next(iter(row_bytes)).store.root
    with explained(root, needed):
        check_room(root, needed)
