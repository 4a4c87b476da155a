"""The database: made where there is none, brought up to date, and clear about what it can't use."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from thawline.versions import database as module
from thawline.versions.database import HEAD, open_database
from thawline.versions.feedback import add_item, answered, correct, record, retract, unanswered
from thawline.versions.schema import Base


@pytest.fixture
def database(tmp_path):
    with open_database(f"sqlite:///{tmp_path / 'versions.sqlite3'}") as opened:
        yield opened


def test_the_revisions_make_the_schema(database):
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": module._REVISION})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == HEAD
    scripts = ScriptDirectory(str(Path(module.__file__).with_name("migrations")))
    assert scripts.get_current_head() == HEAD


def test_answers_are_facts_and_the_newest_that_stands_counts(database):
    with database.session() as session:
        item = add_item(session, "/photos/a.jpg", "0a" * 32, group=3)
        other = add_item(session, "/photos/b.jpg", "0b" * 32)
        first = record(session, item, "no", score=0.25, why="it is unsure")
        second = correct(session, first, "yes")
    with database.reading() as session:
        [one] = answered(session)
        assert (one.item.path, one.answer, one.feedback_id, one.score) == ("/photos/a.jpg", "yes", second.id, 0.25)
        assert [left.id for left in unanswered(session)] == [other.id]
    with database.session() as session:
        retract(session, session.merge(second))
    with database.reading() as session:
        assert [one.answer for one in answered(session)] == ["no"]


def test_an_error_writes_nothing(database):
    def fail():
        with database.session() as session:
            add_item(session, "/photos/a.jpg", "0a" * 32)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as session:
        assert unanswered(session) == []
