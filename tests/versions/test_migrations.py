"""A database of any older revision is brought up to date with every row it has, or left as it was."""

import pytest
import sqlalchemy as sa

from thawline.errors import UserError
from thawline.versions.database import HEAD, _engine, _parse, open_database, upgrade
from thawline.versions.feedback import answered

# Rows in every table of the first schema, with what refers to others; the times are CURRENT_TIMESTAMP's own.
FIRST = """
INSERT INTO items (id, path, digest, "group", added_at, removed_at) VALUES
    (1, '/photos/a.jpg', 'a', 1, CURRENT_TIMESTAMP, NULL),
    (2, '/photos/b.jpg', 'b', NULL, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP);
INSERT INTO model_versions (id, number, type, path, metrics, samples, parent_id, created_at, is_active, predictions)
    VALUES
    (1, 1, 'base', 'v0001', '{}', 0, NULL, CURRENT_TIMESTAMP, false, 3),
    (2, 2, 'logistic', 'v0002', '{"accuracy": 0.5}', 1, 1, CURRENT_TIMESTAMP, true, 4);
INSERT INTO feedback (id, item_id, answer, at, version_id, score, why, corrects_id) VALUES
    (1, 1, 'no', CURRENT_TIMESTAMP, 1, 0.25, 'it is unsure', NULL),
    (2, 1, 'yes', CURRENT_TIMESTAMP, 1, 0.25, 'it is unsure', 1);
INSERT INTO version_feedback VALUES (2, 2);
INSERT INTO training_jobs (id, status, created_at, hyperparameters, version_id, pid) VALUES
    (1, 'completed', CURRENT_TIMESTAMP, '{"epochs": 3}', 2, 1);
INSERT INTO classification_results (id, model_version_id, name, digest, label, score, created_at, user_feedback) VALUES
    ('r', 2, 'c.jpg', 'c', 'cat', 0.5, CURRENT_TIMESTAMP, 'yes')
"""
COUNTS = {
    **{"items": 2, "model_versions": 2, "feedback": 2},
    **{"version_feedback": 1, "training_jobs": 1, "classification_results": 1},
}


@pytest.fixture
def first(url):
    """A database at the first revision, with rows in every table; its engine."""
    engine = _engine(_parse(url))
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for statement in FIRST.split(";\n"):
            connection.exec_driver_sql(statement)
    yield engine
    engine.dispose()


def rows_of(engine):
    """Every row of every table but the revision's, as plain values."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    tables = [table for table in metadata.sorted_tables if table.name != "thawline_revision"]
    with engine.connect() as connection:
        wanted = {table.name: sa.select(table).order_by(*table.primary_key) for table in tables}
        return {name: [dict(row) for row in connection.execute(rows).mappings()] for name, rows in wanted.items()}


def test_every_row_of_the_first_schema_is_kept(first, url):
    before = rows_of(first)
    assert {name: len(rows) for name, rows in before.items()} == COUNTS
    with open_database(url) as database, database.reading() as session:
        [one] = answered(session)
        assert (one.item.path, one.answer, one.score) == ("/photos/a.jpg", "yes", 0.25)
    after = rows_of(first)
    kept = {
        name: [{key: row[key] for key in old} for row, old in zip(after[name], rows, strict=True)]
        for name, rows in before.items()
    }
    assert kept == before


def test_an_upgrade_that_fails_changes_nothing(first, url):
    with first.begin() as connection:
        # What the last statement of revision 0002 adds is there already.
        connection.execute(sa.text("ALTER TABLE version_feedback ADD COLUMN score FLOAT"))
    before = rows_of(first)
    with pytest.raises((sa.exc.DBAPIError, UserError)):
        open_database(url)
    assert rows_of(first) == before
    with first.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM thawline_revision")) == "0001" != HEAD
