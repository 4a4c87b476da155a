"""The database: made where there is none, brought up to date, and clear about what it can't use."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from thawline.versions import database as module
from thawline.versions.database import HEAD, open_database
from thawline.versions.feedback import add_item
from thawline.versions.schema import Base
from thawline.versions.settings import VersionsSettings, sqlite_url


def test_the_revisions_make_the_schema(database):
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": module._REVISION})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == HEAD
    scripts = ScriptDirectory(str(Path(module.__file__).with_name("migrations")))
    assert scripts.get_current_head() == HEAD


def test_what_is_committed_is_on_the_disk(tmp_path):
    with open_database(sqlite_url(tmp_path / "x.sqlite3")) as database, database.session() as session:
        asked = ("journal_mode", "synchronous", "foreign_keys", "fullfsync")
        # 2: the log is synced at each commit.
        assert [session.scalar(text(f"PRAGMA {name}")) for name in asked] == ["wal", 2, 1, 1]


@pytest.mark.parametrize("name", ["what? now", "100%", "%41b", "b#c", "caf\udce9 100%?", "x:y@z", "[a]"])
def test_a_folder_may_have_any_name(tmp_path, name):
    settings = VersionsSettings(dir=str(tmp_path / name))
    settings.root.mkdir()
    for _ in range(2):
        with open_database(settings.url) as database, database.session() as session:
            add_item(session, settings.root / "a.jpg", "a")
    assert [path.name for path in settings.root.iterdir()] == ["versions.sqlite3"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
