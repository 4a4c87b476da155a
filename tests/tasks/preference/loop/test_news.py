"""What counts as news since a training began."""

import pytest

from thawline.versions.feedback import add_item, correct, record, retract
from thawline.versions.jobs import (
    INTERRUPTED,
    News,
    fail_job,
    fail_own_jobs,
    find_job,
    finish_job,
    news,
    start_job,
    update_job,
)
from thawline.versions.schema import Feedback, ModelVersion, VersionFeedback


@pytest.fixture
def items(database):
    """Six photos, the first four of which have an answer."""
    with database.session() as session:
        made = [add_item(session, f"/photos/{n}.jpg", f"{n:064x}") for n in range(6)]
        for item in made[:4]:
            record(session, item, "like")
    return made


def begun(session):
    """A training that began now."""
    job = start_job(session, {}, pid=1)
    return update_job(session, job.id, running=True)


def read(database, **how):
    with database.reading() as session:
        return news(session, **how)


def test_every_answer_is_news_until_a_training_is_completed(database, items):
    assert read(database) == read(database, tried=True) == News(4, 0)
    with database.session() as session:
        job = begun(session).id
    assert (read(database), read(database, tried=True)) == (News(4, 0), News(0, 0))
    with database.session() as session:
        finish_job(session, job, None)
    assert read(database) == News(0, 0)


def test_new_corrected_and_deleted_answers_count_each_photo_once(database, items):
    with database.session() as session:
        version = ModelVersion(number=2, type="logistic", path="v0002", metrics={})
        session.add(version)
        finish_job(session, begun(session).id, None)
        session.flush()
        session.add_all([VersionFeedback(version_id=version.id, feedback_id=row) for row in (1, 2, 3)])
    with database.session() as session:
        rows = {row.id: row for row in session.query(Feedback)}
        correct(session, correct(session, rows[1], "dislike"), "super_like")
        record(session, items[4], "like")
        retract(session, record(session, items[5], "like"))  # it was never learnt
    assert read(database) == News(2, 0)
    with database.session() as session:
        retract(session, session.get(Feedback, 2))
        retract(session, session.get(Feedback, 4))  # no version knows of it
    assert read(database) == News(4, 1)
    with database.session() as session:
        session.get(ModelVersion, version.id).pruned_at = rows[1].at
    assert read(database) == News(4, 0)


def test_what_failed_was_tried_but_what_was_interrupted_was_not(database, items):
    with database.session() as session:
        fail_job(session, begun(session).id, "the disk is full")
    assert (read(database, tried=True), read(database)) == (News(0, 0), News(4, 0))
    with database.session() as session:
        record(session, items[4], "like")
        fail_job(session, begun(session).id, INTERRUPTED)
    assert read(database, tried=True) == News(1, 0)


def test_answers_of_another_time_are_news_when_they_come(database, items):
    with database.session() as session:
        first = session.get(Feedback, 1)
        finish_job(session, begun(session).id, None)
        record(session, items[4], "like", at=first.at.replace(year=2001))
        record(session, items[5], "like", at=first.at.replace(year=2999))
    assert read(database) == News(2, 0)
    with database.session() as session:
        finish_job(session, begun(session).id, None)
    assert read(database) == News(0, 0)


def test_a_training_whose_end_could_not_be_noted_is_failed_by_its_own_process(database, items):
    with database.session() as session:
        other, own = begun(session), start_job(session, {})
        other.pid = 1
        update_job(session, own.id, running=True)
        fail_own_jobs(session, "the database refused")
    with database.reading() as session:
        assert [find_job(session, one.id).status for one in (other, own)] == ["running", "failed"]
