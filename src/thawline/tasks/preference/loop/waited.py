"""A training that waited for another one: whether that one did its work."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from thawline.versions.jobs import find_job, news
from thawline.versions.schema import COMPLETED, ModelVersion, TrainingJob

_CHOSEN = ("method", "thaw")  # what a training notes in place of `auto` once it has chosen


def done_meanwhile(session: Session, number: int, wanted: Mapping[str, Any]) -> tuple[int, ModelVersion] | None:
    """The training that ended while the job `number` waited, and made of the same answers what that would make again.

    Args:
        session: The database.
        number: The job that waited.
        wanted: Its hyperparameters.

    Returns:
        The training's number, and its version; None: there is something new.
    """
    ended = select(TrainingJob).where(TrainingJob.status == COMPLETED, TrainingJob.version_id.is_not(None))
    newest = session.scalar(ended.order_by(TrainingJob.started_at.desc(), TrainingJob.id.desc()).limit(1))
    job = find_job(session, number)
    if newest is None or newest.finished_at is None or newest.finished_at < job.created_at:
        return None
    known = newest.hyperparameters
    compared = [name for name in wanted if not (wanted["method"] == "auto" and "choice" in known and name in _CHOSEN)]
    came = news(session)
    if came.items or came.forgotten or any(known.get(name) != wanted[name] for name in compared):
        return None
    return newest.id, session.get_one(ModelVersion, newest.version_id)
