"""Items and what was answered of them.

Every answer is a row that stays. Of an item the newest row counts that was not retracted, by the order in which they
came: a correction is a newer row, and to retract it brings back what it corrected.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback, now


@dataclass(frozen=True)
class Answered:
    """An item and the answer that counts.

    Attributes:
        feedback_id: the row that holds the answer.
        at: when it was given.
        version_id: the version that showed the item, and `score` what it said of it then.
    """

    item: Item
    answer: str
    feedback_id: int
    at: datetime
    version_id: int | None
    score: float | None


def add_item(session: Session, path: Path | str, digest: str, group: int | None = None) -> Item:
    """The item of the content `digest`, new or known; a known one has the path that it was given last.

    One that was removed is back.
    """
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = kind.insert(Item).values(path=_absolute(path), digest=digest, group=group, added_at=now())
    kept = {"path": new.excluded.path, "group": func.coalesce(new.excluded["group"], Item.group), "removed_at": None}
    wanted = new.on_conflict_do_update(index_elements=[Item.digest], set_=kept).returning(Item)
    item: Item = session.scalars(wanted, execution_options={"populate_existing": True}).one()
    return item


def record(
    session: Session,
    item: Item,
    answer: str,
    *,
    version: ModelVersion | None = None,
    score: float | None = None,
    why: str | None = None,
    at: datetime | None = None,
) -> Feedback:
    """Note what was answered of `item`.

    Args:
        session: the database.
        item: what was judged.
        answer: a word of the task.
        version: the version that showed it.
        score: what the version said of it.
        why: why it was picked.
        at: when; now if left out.
    """
    row = Feedback(
        item_id=item.id,
        answer=answer,
        at=at or now(),
        version_id=version.id if version else None,
        score=score,
        why=why,
    )
    session.add(row)
    session.flush()
    return row


def correct(session: Session, feedback: Feedback, answer: str) -> Feedback:
    """Note that `answer` was meant; what was answered first stays a fact, and so does what was shown then."""
    row = Feedback(
        item_id=feedback.item_id,
        answer=answer,
        at=now(),
        version_id=feedback.version_id,
        score=feedback.score,
        why=feedback.why,
        corrects_id=feedback.id,
    )
    session.add(row)
    session.flush()
    return row


def retract(session: Session, feedback: Feedback) -> None:
    """Note that an answer was deleted, and that the versions that were trained on it are stale."""
    at = now()
    session.execute(
        update(Feedback).where(Feedback.id == feedback.id, Feedback.retracted_at.is_(None)).values(retracted_at=at)
    )
    used = select(VersionFeedback.version_id).where(VersionFeedback.feedback_id == feedback.id)
    session.execute(
        update(ModelVersion).where(ModelVersion.id.in_(used), ModelVersion.stale_since.is_(None)).values(stale_since=at)
    )
    session.refresh(feedback)


def answered(session: Session, since: datetime | None = None) -> list[Answered]:
    """The answer that counts of each item that is not removed, by the order in which they came.

    Args:
        session: the database.
        since: leave out what was answered before that.
    """
    rows = session.execute(_standing(since))
    return [Answered(item, row.answer, row.id, row.at, row.version_id, row.score) for item, row in rows]


def unanswered(session: Session) -> list[Item]:
    """The items that nothing is answered of, and that are not removed, by the order in which they came."""
    standing = select(Feedback.item_id).where(Feedback.retracted_at.is_(None))
    wanted = select(Item).where(Item.removed_at.is_(None), Item.id.not_in(standing)).order_by(Item.id)
    return list(session.scalars(wanted))


def _standing(since: datetime | None) -> Select[Item, Feedback]:
    """Each item with the newest of its answers that was not retracted."""
    newest = select(func.max(Feedback.id)).where(Feedback.retracted_at.is_(None)).group_by(Feedback.item_id)
    wanted = select(Item, Feedback).join(Feedback, Feedback.item_id == Item.id)
    wanted = wanted.where(Feedback.id.in_(newest), Item.removed_at.is_(None)).order_by(Feedback.id)
    return wanted if since is None else wanted.where(Feedback.at >= since)


def _absolute(path: Path | str) -> str:
    return str(Path(path).absolute())
