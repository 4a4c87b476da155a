"""What a version was made of, and when it was active."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from thawline.versions.schema import Activation, Feedback, ModelVersion, VersionFeedback


@dataclass(frozen=True)
class Lineage:
    """A version's.

    Attributes:
        counts: how often each answer is among those that it was trained on.
        feedback_ids: the rows of these.
        activations: when it became active, and why.
    """

    counts: Counter[str]
    feedback_ids: tuple[int, ...]
    activations: tuple[tuple[datetime, str], ...]


def lineage(session: Session, version: ModelVersion) -> Lineage:
    """What `version` was made of."""
    used = select(VersionFeedback.feedback_id).where(VersionFeedback.version_id == version.id)
    rows = session.execute(
        select(Feedback.id, Feedback.answer).where(Feedback.id.in_(used)).order_by(Feedback.id)
    ).all()
    became = select(Activation).where(Activation.version_id == version.id).order_by(Activation.id)
    return Lineage(
        Counter(row.answer for row in rows),
        tuple(row.id for row in rows),
        tuple((one.at, one.reason or "") for one in session.scalars(became)),
    )


def active_version(session: Session) -> ModelVersion | None:
    """The active version."""
    return session.scalar(select(ModelVersion).where(ModelVersion.is_active))


def active_before(session: Session) -> ModelVersion | None:
    """The version that was active before the active one and is there still; to roll back takes back an activation."""
    history: list[int] = []
    for row in session.scalars(select(Activation).order_by(Activation.id)):
        if row.rollback:
            while history and history[-1] != row.version_id:
                history.pop()
        else:
            history.append(row.version_id)
    there = set(session.scalars(select(ModelVersion.id).where(ModelVersion.pruned_at.is_(None))))
    before = [version for version in history[:-1] if version in there]
    return session.get_one(ModelVersion, before[-1]) if before else None
