"""What was said of files, kept in the database by a thread of its own: requests that end together share a commit."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from thawline.versions.database import Database
from thawline.versions.results import keep_results
from thawline.versions.schema import ClassificationResult

_MOST = 1000  # rows in one commit


@dataclass(frozen=True, eq=False)
class _Job:
    rows: Sequence[ClassificationResult]
    kept: "Future[None]" = field(default_factory=Future)


class Recorder:
    """One thread that writes rows. While it waits for the disk, what comes next gathers for one commit."""

    def __init__(self, database: Database) -> None:
        """Start the thread."""
        self._database = database
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="thawline-record", daemon=True)
        self._thread.start()

    def keep(self, rows: Sequence[ClassificationResult]) -> "Future[None]":
        """Write `rows`; done when they are on the disk, or with the reason why they are not."""
        job = _Job(rows)
        self._jobs.put(job)
        return job.kept

    def close(self) -> None:
        """Write what was given, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs, end = self._gather(job)
            self._write(jobs)
            if end:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """`first` and all that waits behind it; and whether that is all there will be."""
        jobs = [first]
        while sum(len(job.rows) for job in jobs) < _MOST:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _write(self, jobs: Sequence[_Job]) -> None:
        try:
            with self._database.session() as session:
                keep_results(session, [row for job in jobs for row in job.rows])
        except BaseException as error:
            for job in jobs:
                job.kept.set_exception(error)
            return
        for job in jobs:
            job.kept.set_result(None)
