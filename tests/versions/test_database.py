"""The database: made where there is none, brought up to date, and clear about what it can't use."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from thawline.versions import database as module
from thawline.versions.database import HEAD
from thawline.versions.schema import Base


def test_the_revisions_make_the_schema(database):
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": module._REVISION})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == HEAD
    scripts = ScriptDirectory(str(Path(module.__file__).with_name("migrations")))
    assert scripts.get_current_head() == HEAD
