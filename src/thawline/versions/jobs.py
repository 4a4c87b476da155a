"""Trainings: asked for, running, completed or failed, and one at a time.

A training that runs holds a lock which the system gives back when its process ends, however it ends. So a job that is
said to run while nobody holds the lock is one that was killed, and the next start says so.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import filelock
from sqlalchemy import and_, distinct, false, func, or_, select
from sqlalchemy.orm import Session

from thawline.errors import UserError
from thawline.versions.database import Database
from thawline.versions.schema import (
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    Feedback,
    Item,
    ModelVersion,
    TrainingJob,
    VersionFeedback,
    now,
)

KILLED = "its process ended without a word: it was killed, or the machine went down"
NOT_BEGUN = "no process began it"
INTERRUPTED = "interrupted"
_PATIENCE = timedelta(minutes=5)  # for a process to begin a job that another asked for
_LOCK = ".training.lock"
_SCRATCH = ".scratch-"
_ANSWERS_TO = "answers_to"  # in a training's hyperparameters: the newest answer that there was when it began


@dataclass(frozen=True)
class News:
    """What became of the answers since a training began.

    Attributes:
        items: of how many items another answer counts, or none any more: new, corrected and deleted ones alike.
        forgotten: how many of the deleted answers a version that is there was trained on.
    """

    items: int
    forgotten: int


def start_job(session: Session, hyperparameters: Mapping[str, Any], *, pid: int | None = None) -> TrainingJob:
    """Note that a training is asked for: it is pending until `update_job` has it running.

    Args:
        session: The database.
        hyperparameters: What it is done with, plain JSON.
        pid: The process that will train; None: it is not begun yet.
    """
    job = TrainingJob(status=PENDING, hyperparameters=dict(hyperparameters), pid=pid, created_at=now())
    session.add(job)
    session.flush()
    return job


def find_job(session: Session, number: int) -> TrainingJob:
    """The job with the id `number`.

    Raises:
        UserError: There is none.
    """
    job = session.get(TrainingJob, number)
    if job is None:
        raise UserError(f"there is no training {number}")
    return job


def list_jobs(session: Session) -> list[TrainingJob]:
    """All of them, the newest first."""
    return list(session.scalars(select(TrainingJob).order_by(TrainingJob.id.desc())))


def update_job(
    session: Session,
    number: int,
    *,
    running: bool = False,
    pid: int | None = None,
    epoch: int | None = None,
    loss: float | None = None,
    accuracy: float | None = None,
) -> TrainingJob:
    """Note that a job runs now, in this process unless `pid` names another, and how far it is."""
    job = find_job(session, number)
    if running:
        newest = session.scalar(select(func.max(Feedback.id))) or 0
        job.hyperparameters = {_ANSWERS_TO: newest, **job.hyperparameters}
        job.status, job.started_at, job.pid = RUNNING, job.started_at or now(), pid or os.getpid()
        job.reason = None
    elif pid is not None:
        job.pid = pid
    for name, value in (("epoch", epoch), ("loss", loss), ("accuracy", accuracy)):
        if value is not None:
            setattr(job, name, value)
    return job


def wait_job(session: Session, number: int, reason: str) -> TrainingJob:
    """Note why a job is pending still; once it runs, that is gone."""
    job = find_job(session, number)
    job.reason = reason
    return job


def note_job(session: Session, number: int, hyperparameters: Mapping[str, Any]) -> TrainingJob:
    """Note what a job turned out to be done with, besides what was known when it began; plain JSON."""
    job = find_job(session, number)
    job.hyperparameters = {**job.hyperparameters, **hyperparameters}
    return job


def finish_job(session: Session, number: int, version: ModelVersion | None) -> TrainingJob:
    """Note that a job is done, and the version that it made."""
    job = find_job(session, number)
    job.status, job.finished_at, job.version_id = COMPLETED, now(), version.id if version else None
    return job


def fail_job(session: Session, number: int, reason: str) -> TrainingJob:
    """Note that a job failed, and why."""
    job = find_job(session, number)
    job.status, job.finished_at, job.reason = FAILED, now(), reason
    return job


def fail_own_jobs(session: Session, reason: str) -> None:
    """Note of each job that this process did not note the end of that it failed: the database refused it then."""
    unfinished = TrainingJob.status.in_((PENDING, RUNNING))
    for job in session.scalars(select(TrainingJob).where(unfinished, TrainingJob.pid == os.getpid())):
        fail_job(session, job.id, reason)


def news(session: Session, *, tried: bool = False) -> News:
    """What became of the answers since the newest training began that was completed; every answer where none was.

    The order in which answers came decides, not their times: those of a table may be years old.

    Args:
        session: the database.
        tried: count from the newest training that began even if it failed, unless it was told to end: what failed is
            to be tried again with other answers alone.
    """
    ended = TrainingJob.status == COMPLETED
    if tried:
        ended = TrainingJob.started_at.is_not(None) & func.coalesce(TrainingJob.reason, "").not_in([INTERRUPTED])
    newest = select(TrainingJob).where(ended).order_by(TrainingJob.started_at.desc(), TrainingJob.id.desc()).limit(1)
    job = session.scalar(newest)
    later = Feedback.id > (job.hyperparameters.get(_ANSWERS_TO, 0) if job else 0)
    # What was deleted before it was ever trained on is no news.
    deleted = Feedback.retracted_at > job.started_at if job and job.started_at else false()
    came = and_(later, Feedback.retracted_at.is_(None), Item.removed_at.is_(None))
    items = select(func.count(distinct(Feedback.item_id))).join(Item, Item.id == Feedback.item_id)
    used = select(VersionFeedback.feedback_id).join(ModelVersion, ModelVersion.id == VersionFeedback.version_id)
    used = used.where(VersionFeedback.feedback_id == Feedback.id, ModelVersion.pruned_at.is_(None))
    return News(
        session.scalar(items.where(or_(came, and_(~later, deleted)))) or 0,
        session.scalar(select(func.count()).select_from(Feedback).where(deleted, used.exists())) or 0,
    )


def clean_jobs(session: Session, folder: Path) -> list[TrainingJob]:
    """Note of each job whose process is gone that it failed; those jobs.

    Args:
        session: The database.
        folder: The registry's, with the lock that a running training holds.
    """
    gone = abandoned_jobs(session, folder)
    for job in gone:
        fail_job(session, job.id, NOT_BEGUN if job.pid is None else KILLED)
    return gone


def note_ends(database: Database, folder: Path) -> None:
    """The same in a session of its own, if there is such a job and the database may be written."""
    if database.read_only:
        return
    with database.reading() as session:  # who only looks waits for nobody
        abandoned = bool(abandoned_jobs(session, folder))
    if abandoned:
        with database.session() as session:
            clean_jobs(session, folder)


def abandoned_jobs(session: Session, folder: Path) -> list[TrainingJob]:
    """The jobs that are not finished, and whose process is gone."""
    unfinished = select(TrainingJob).where(TrainingJob.status.in_((PENDING, RUNNING))).order_by(TrainingJob.id)
    return [job for job in session.scalars(unfinished) if _is_gone(job, folder)]


def training_runs(folder: Path) -> bool:
    """Whether some process trains for the registry in `folder` now."""
    try:
        with filelock.FileLock(folder / _LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True


@contextmanager
def training_lock(folder: Path, waits: Callable[[str], None] | None = None) -> Iterator[None]:
    """Train within, alone: where another training runs, wait for its end.

    Args:
        folder: The registry's.
        waits: Called once with a sentence if there is a wait.
    """
    lock = filelock.FileLock(folder / _LOCK, is_singleton=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if waits is not None:
            waits("another training runs for these versions; this one begins when that ends")
        lock.acquire()
    try:
        _remove_scratch(folder)
        yield
    finally:
        lock.release()


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder beside the versions in `folder` to make one in, within `training_lock`; it goes at the end.

    What a kill leaves of it goes at the next start: see `sweep_scratch`.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH) as made:
        yield Path(made)


def sweep_scratch(folder: Path) -> None:
    """Remove what killed trainings left in the registry's `folder`; while a training runs, nothing."""
    if any(folder.glob(f"{_SCRATCH}*")):
        with suppress(filelock.Timeout), filelock.FileLock(folder / _LOCK, timeout=0, is_singleton=False):
            _remove_scratch(folder)


def _remove_scratch(folder: Path) -> None:
    for left in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _is_gone(job: TrainingJob, folder: Path) -> bool:
    """Whether the process of an unfinished job has ended."""
    if job.pid == os.getpid():
        return False
    if job.status == RUNNING and not training_runs(folder):
        return True
    if job.pid is None:
        return now() - job.created_at > _PATIENCE
    return not _is_alive(job.pid)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
