"""What was said of files, kept in the database by a thread of its own: no request waits for the disk."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from thawline.errors import UserError
from thawline.versions.database import Database
from thawline.versions.results import keep_results
from thawline.versions.schema import ClassificationResult

_MOST = 1000  # rows in one commit; and so many requests' rows may wait for one
_AGAIN = 1.0  # seconds until what the database refused is tried again


@dataclass(frozen=True, eq=False)
class _Job:
    rows: Sequence[ClassificationResult]
    done: threading.Event = field(default_factory=threading.Event)


class Recorder:
    """One thread that writes rows. While it waits for the disk, what comes next gathers for one commit.

    Rows that the database refuses are tried again, with the next ones or a second later.

    Attributes:
        trouble: Why the last rows could not be written, a sentence; None: they were.
    """

    def __init__(self, database: Database) -> None:
        """Start the thread."""
        self.trouble: str | None = None
        self._database = database
        self._left: list[ClassificationResult] = []  # were refused, oldest first
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="thawline-record", daemon=True)
        self._thread.start()

    def keep(self, rows: Sequence[ClassificationResult]) -> bool:
        """Have `rows` written soon; whether that can be counted on: the last ones were, and not too many wait."""
        if self._jobs.qsize() >= _MOST:
            return False
        sound = self.trouble is None
        self._jobs.put(_Job(rows))
        return sound

    def flush(self) -> None:
        """Wait until what was given is on the disk, or known not to be."""
        job = _Job(())
        self._jobs.put(job)
        job.done.wait()

    def close(self) -> None:
        """Write what was given, and end the thread."""
        self.flush()
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        end = False
        while not end:
            jobs, end = self._gather()
            try:
                self._write([*self._left, *(row for job in jobs for row in job.rows)])
            finally:
                for job in jobs:
                    job.done.set()

    def _gather(self) -> tuple[list[_Job], bool]:
        """What comes next and all that waits behind it, if it comes in time; and whether that is all there will be."""
        jobs: list[_Job] = []
        wait = _AGAIN if self._left else None
        while sum(len(job.rows) for job in jobs) < _MOST:
            try:
                job = self._jobs.get_nowait() if jobs else self._jobs.get(timeout=wait)
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _write(self, rows: list[ClassificationResult]) -> None:
        if not rows:
            return
        try:
            with self._database.session() as session:
                keep_results(session, rows)
        except UserError as error:  # the disk or the server, not the rows
            self.trouble, self._left = str(error), rows[:_MOST]
        except Exception as error:  # no fault of the disk is to stop the thread, nor one row those after it
            said = str(error).partition("\n")[0]
            self.trouble, self._left = f"{type(error).__name__}: {said}", []
        else:
            self.trouble, self._left = None, []
