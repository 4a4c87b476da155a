"""Requests judged together: one thread owns the network, and takes along whatever waits while it is busy."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from thawline.features.passes.workers import BATCH
from thawline.tasks.bundle.serving import Answer, Ask, Sample


class BusyError(Exception):
    """So many files wait that no more are taken."""


@dataclass(frozen=True, eq=False)
class _Job:
    """The files of one request, and what asks about them."""

    ask: Ask
    samples: Sequence[Sample]
    answers: "Future[list[Answer]]" = field(default_factory=Future)


class Batcher:
    """One thread that judges samples, those of several requests in one go.

    An idle network answers at once. One that has just judged several requests waits a moment for the next ones: those
    that it answered are about to come again.
    """

    def __init__(self, wait: float, most_waiting: int, observe: Callable[[int, float], object]) -> None:
        """Start the thread.

        Args:
            wait: The moment, s.
            most_waiting: Samples that may wait; more are refused.
            observe: Called with the number of samples that were judged together, and the seconds that took.
        """
        self._wait, self._most_waiting, self._observe = wait, most_waiting, observe
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting, self._lock = 0, threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="thawline-serve", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Samples that were given and are not judged yet."""
        return self._waiting

    def submit(self, ask: Ask, samples: Sequence[Sample]) -> "Future[list[Answer]]":
        """Have `samples` judged by `ask`; jobs with the same `ask` are judged together.

        Raises:
            BusyError: Too many wait, or the service ends.
        """
        job = _Job(ask, samples)
        with self._lock:
            # However large, a request that meets an idle network is taken.
            if self._closed or (self._waiting and self._waiting + len(samples) > self._most_waiting):
                raise BusyError
            self._waiting += len(samples)
            self._jobs.put(job)
        return job.answers

    def close(self) -> None:
        """Judge what was given, take nothing more, and end the thread."""
        with self._lock:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        several = False
        while (first := self._jobs.get()) is not None:
            jobs, end = self._gather(first, self._wait if several else 0.0)
            several = len(jobs) > 1
            for group in _by_model(jobs):
                self._judge(group)
            if end:
                return

    def _gather(self, first: _Job, wait: float) -> tuple[list[_Job], bool]:
        """`first` and what comes within `wait` seconds until a batch is full; and whether that is all there will be."""
        jobs, until = [first], time.monotonic() + wait
        while sum(len(job.samples) for job in jobs) < BATCH:
            try:
                left = until - time.monotonic()
                job = self._jobs.get(timeout=left) if left > 0 else self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _judge(self, jobs: list[_Job]) -> None:
        """Judge jobs of one model; each is answered as soon as its samples are."""
        wanted = [job for job in jobs if job.answers.set_running_or_notify_cancel()]
        started, count = time.perf_counter(), sum(len(job.samples) for job in wanted)
        try:
            if wanted:
                _answer(wanted)
        finally:
            with self._lock:
                self._waiting -= sum(len(job.samples) for job in jobs)
            if wanted:
                self._observe(count, time.perf_counter() - started)


def _by_model(jobs: Sequence[_Job]) -> list[list[_Job]]:
    groups: dict[Ask, list[_Job]] = {}
    for job in jobs:
        groups.setdefault(job.ask, []).append(job)
    return list(groups.values())


def _answer(jobs: list[_Job]) -> None:
    """Answer `jobs` in their order; where that fails, each that is left by itself, so that one spoils no other's."""
    left = list(jobs)
    try:
        said = iter(jobs[0].ask([sample for job in jobs for sample in job.samples]))
        while left:
            answers = [next(said) for _ in left[0].samples]
            left.pop(0).answers.set_result(answers)
    except BaseException as error:
        if len(jobs) == 1:
            left[0].answers.set_exception(_told(error))
            return
        for job in left:
            _answer([job])


def _told(error: BaseException) -> BaseException:
    """`error` as a future can hold it: a `StopIteration` is taken for its end."""
    return RuntimeError("fewer answers than samples") if isinstance(error, StopIteration) else error
