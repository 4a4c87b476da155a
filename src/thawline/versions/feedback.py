"""Items and what was answered of them.

Every answer is a row that stays. Of an item the newest row counts that was not retracted, by the order in which they
came: a correction is a newer row, and to retract it brings back what it corrected.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, insert, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback, now

_Columns = tuple[Item, str, int, datetime, int | None, float | None]  # what `ItemAnswer` holds
_CHUNK = 1000  # rows at a time
_LOCK = 0x7468_6178  # PostgreSQL's name of the lock under which a table is read


@dataclass(frozen=True)
class ItemAnswer:
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


class Candidate(NamedTuple):
    """An item that may be asked about; the fields are those of the table."""

    id: int
    path: str
    digest: str
    group: int | None


@dataclass(frozen=True)
class Given:
    """An answer that comes with others, from a table.

    Attributes:
        path: the file.
        digest: sha256 of its content, hex.
        at: when it was given; now if left out.
        group: what the item belongs to.
        version_id: the version that picked it.
        score: what that version said of it then.
        why: why it was picked.
    """

    path: Path | str
    digest: str
    answer: str
    at: datetime | None = None
    group: int | None = None
    version_id: int | None = None
    score: float | None = None
    why: str | None = None


@dataclass(frozen=True)
class Recorded:
    """What came of many answers.

    Attributes:
        new: items that had none before.
        changed: items that had another, which is corrected.
        same: items of which that counted already; nothing is written of these.
    """

    new: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: "Recorded") -> "Recorded":
        return Recorded(self.new + other.new, self.changed + other.changed, self.same + other.same)


def add_item(session: Session, path: Path | str, digest: str, group: int | None = None) -> Item:
    """The item of the content `digest`, new or known; a known one has the path that it was given last.

    One that was removed is back.
    """
    wanted = _adding(session).returning(Item)
    values = {"path": _absolute(path), "digest": digest, "group": group, "added_at": now()}
    item: Item = session.scalars(wanted, values, execution_options={"populate_existing": True}).one()
    return item


def item_of(session: Session, digest: str) -> Item | None:
    """The item of the content `digest`; None: there is none."""
    return session.scalar(select(Item).where(Item.digest == digest))


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


def answered(session: Session, since: datetime | None = None) -> list[ItemAnswer]:
    """The answer that counts of each item that is not removed, by the order in which they came.

    Args:
        session: the database.
        since: leave out what was answered before that.
    """
    return list(each_answered(session, since))


def each_answered(session: Session, since: datetime | None = None) -> Iterator[ItemAnswer]:
    """What `answered` lists, a thousand at a time, while `session` is open."""
    for row in session.execute(_standing(since), execution_options={"yield_per": _CHUNK}):
        yield ItemAnswer(*row)


def record_many(session: Session, rows: Iterable[Given]) -> Recorded:
    """Note many answers, thousands a second; items are added as they come.

    Of an item that comes several times each answer corrects the one before. What says the same as what counts already
    is not written again: a table may be read twice.
    """
    done = Recorded()
    if session.get_bind().dialect.name == "postgresql":
        # Two tables with the same items in other orders would wait for each other.
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    for chunk in _chunks(rows):
        done += _record_chunk(session, chunk)
    return done


def unanswered(session: Session) -> list[Item]:
    """The items that nothing is answered of, and that are not removed, by the order in which they came."""
    return list(session.scalars(select(Item).where(*_open()).order_by(Item.id)))


def candidates(session: Session) -> list[Candidate]:
    """What `unanswered` lists, in a fifth of the time, for choosing among very many."""
    columns = (Item.id, Item.path, Item.digest, Item.group)
    return [Candidate(*row) for row in session.execute(select(*columns).where(*_open()).order_by(Item.id))]


def _open() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """That an item may be asked about."""
    standing = select(Feedback.item_id).where(Feedback.retracted_at.is_(None))
    return Item.removed_at.is_(None), Item.id.not_in(standing)


def _adding(session: Session) -> Any:
    """What adds an item; one of a content that is known takes the new path, is there again, and keeps its group."""
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    new = kind.insert(Item)
    # A bound parameter here would have SQLAlchemy send the rows one by one: NULL is spelled out.
    kept = {"path": new.excluded.path, "group": func.coalesce(new.excluded["group"], Item.group), "removed_at": null()}
    return new.on_conflict_do_update(index_elements=[Item.digest], set_=kept)


def _chunks(rows: Iterable[Given]) -> Iterator[dict[str, Given]]:
    """`rows` in order, by their digests, in parts that hold each item once."""
    chunk: dict[str, Given] = {}
    for row in rows:
        if len(chunk) == _CHUNK or row.digest in chunk:
            yield chunk
            chunk = {}
        chunk[row.digest] = row
    if chunk:
        yield chunk


def _record_chunk(session: Session, chunk: Mapping[str, Given]) -> Recorded:
    """Note answers of different items, in their order."""
    added = [
        {"path": _absolute(row.path), "digest": row.digest, "group": row.group, "added_at": now()}
        for row in chunk.values()
    ]
    ids = dict(session.execute(_adding(session).returning(Item.digest, Item.id), added).all())
    standing = {row.Item.id: row for row in session.execute(_standing(items=ids.values()))}
    written, changed = [], 0
    for digest, given in chunk.items():
        before = standing.get(ids[digest])
        if before is not None and before.answer == given.answer:
            continue
        changed += before is not None
        written.append(
            {
                "item_id": ids[digest],
                "answer": given.answer,
                "at": given.at or now(),
                "corrects_id": before.id if before else None,
                "version_id": given.version_id,
                "score": given.score,
                "why": given.why,
            }
        )
    if written:
        # With something to return, many rows make one statement.
        session.execute(insert(Feedback).returning(Feedback.id), written)
    return Recorded(len(written) - changed, changed, len(chunk) - len(written))


def _standing(since: datetime | None = None, items: Collection[int] | None = None) -> Select[*_Columns]:
    """What `ItemAnswer` says of each item, or of each of `items`."""
    newest = select(func.max(Feedback.id)).where(Feedback.retracted_at.is_(None)).group_by(Feedback.item_id)
    if items is not None:
        newest = newest.where(Feedback.item_id.in_(items))
    wanted = select(Item, Feedback.answer, Feedback.id, Feedback.at, Feedback.version_id, Feedback.score)
    wanted = wanted.join(Feedback, Feedback.item_id == Item.id)
    wanted = wanted.where(Feedback.id.in_(newest), Item.removed_at.is_(None)).order_by(Feedback.id)
    return wanted if since is None else wanted.where(Feedback.at >= since)


def _absolute(path: Path | str) -> str:
    return str(Path(path).absolute())
