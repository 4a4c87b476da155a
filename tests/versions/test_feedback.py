"""What was answered stays, on either kind of database: one answer at a time, or a table of them."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from thawline.versions.feedback import (
    Given,
    Recorded,
    add_item,
    answered,
    candidates,
    correct,
    each_answered,
    record,
    record_many,
    retract,
    unanswered,
)
from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)


def digest(number):
    return f"{number:064x}"


def test_answers_are_facts_and_the_newest_that_stands_counts(database):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", digest(1), group=3)
        other = add_item(session, "/photos/b.jpg", digest(2))
        first = record(session, item, "no", score=0.25, why="it is unsure")
        second = correct(session, first, "yes")
    with database.reading() as session:
        [one] = answered(session)
        assert (one.item.path, one.answer, one.feedback_id, one.score) == ("/photos/a.jpg", "yes", second.id, 0.25)
        assert [left.id for left in unanswered(session)] == [other.id]
        assert candidates(session) == [(other.id, "/photos/b.jpg", digest(2), None)]
        kept = session.scalars(select(Feedback).order_by(Feedback.id)).all()
        assert [(row.answer, row.why, row.corrects_id) for row in kept] == [
            ("no", "it is unsure", None),
            ("yes", "it is unsure", first.id),
        ]
    with database.session() as session:
        retract(session, session.get_one(Feedback, second.id))
    with database.reading() as session:
        assert [one.answer for one in answered(session)] == ["no"]
        assert session.get_one(Feedback, second.id).retracted_at is not None


def test_what_was_retracted_makes_the_versions_stale_that_used_it(database):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", digest(1))
        rows = [record(session, item, "yes"), record(session, item, "no")]
        versions = [ModelVersion(number=n, type="logistic", path=f"v{n:04}", metrics={}) for n in (1, 2)]
        session.add_all(versions)
        session.flush()
        session.add_all(VersionFeedback(version_id=v.id, feedback_id=r.id) for v, r in zip(versions, rows, strict=True))
    with database.session() as session:
        retract(session, session.get_one(Feedback, rows[0].id))
        first = session.get_one(Feedback, rows[0].id).retracted_at
        retract(session, session.get_one(Feedback, rows[0].id))
    with database.reading() as session:
        stale = session.scalars(select(ModelVersion).order_by(ModelVersion.number)).all()
        assert [version.stale_since is not None for version in stale] == [True, False]
        assert session.get_one(Feedback, rows[0].id).retracted_at == first
        assert [one.answer for one in answered(session)] == ["no"]


def test_times_are_utc_whatever_zone_they_were_said_in(database):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", digest(1))
        record(session, item, "yes", at=NOON.astimezone(timezone(timedelta(hours=-7))))
    with database.reading() as session:
        [one] = answered(session)
        assert (one.at, one.at.utcoffset()) == (NOON, timedelta(0))
        assert len(answered(session, since=NOON)) == 1
        assert answered(session, since=NOON + timedelta(microseconds=1)) == []
    with pytest.raises(Exception, match="lacks its time zone"), database.session() as session:
        record(session, item, "yes", at=datetime(2026, 1, 2))


def test_a_content_is_one_item_wherever_it_lies(database):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", digest(1), group=3)
        item.removed_at = NOON
    with database.session() as session:
        assert unanswered(session) == []
        again = add_item(session, "/moved/a.jpg", digest(1))
        assert (again.id, again.path, again.group, again.removed_at) == (item.id, "/moved/a.jpg", 3, None)
        assert [one.id for one in unanswered(session)] == [item.id]


def test_a_path_may_hold_any_bytes_and_an_answer_any_text(database):
    path = "/photos/caf\udce9 \U0001f600\ud800.jpg"
    with database.session() as session:
        item = add_item(session, path, digest(1))
        record(session, item, "x\0\ud800")
    with database.reading() as session:
        [one] = answered(session)
        assert (one.item.path, one.answer) == (path.replace("\ud800", r"\ud800"), r"x\x00\ud800")


def test_a_table_read_twice_is_recorded_once(database):
    rows = [Given(f"/photos/{n}.jpg", digest(n), "yes" if n % 3 else "no", at=NOON, group=n // 2) for n in range(7)]
    with database.session() as session:
        assert record_many(session, iter(rows)) == Recorded(new=7)
    with database.session() as session:
        changed = Given("/photos/3.jpg", digest(3), "yes")
        assert record_many(session, [*rows[:3], changed, *rows[4:]]) == Recorded(changed=1, same=6)
        assert record_many(session, [rows[3], changed, rows[5]]) == Recorded(changed=2, same=1)
    with database.reading() as session:
        found = {one.item.path: (one.answer, one.item.group) for one in each_answered(session)}
        assert found == {row.path: ("yes" if n in (1, 2, 3, 4, 5) else "no", n // 2) for n, row in enumerate(rows)}
        corrections = session.scalars(select(Feedback).where(Feedback.corrects_id.is_not(None))).all()
        assert [row.answer for row in corrections] == ["yes", "no", "yes"]


def test_thousands_of_answers_are_recorded_and_read_in_seconds(database):
    count = 10_000 if database.url.startswith("sqlite") else 2_000
    rows = (Given(f"/photos/{n}.jpg", digest(n), ("no", "yes")[n % 2]) for n in range(count))
    started = time.process_time()
    with database.session() as session:
        assert record_many(session, rows) == Recorded(new=count)
    written = time.process_time()
    with database.reading() as session:
        assert [one.item.digest for one in each_answered(session)] == [digest(n) for n in range(count)]
    assert written - started < 5
    assert time.process_time() - written < 5


def test_an_error_writes_nothing(database):
    def fail():
        with database.session() as session:
            add_item(session, "/photos/a.jpg", digest(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as session:
        assert session.scalars(select(Item)).all() == []
