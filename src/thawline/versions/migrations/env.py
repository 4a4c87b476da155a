"""How Alembic runs the revisions: in the transaction of the connection that it is given."""

from alembic import context

from thawline.versions.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=context.config.attributes["version_table"],
    # SQLite rolls back what changes tables, too, since a transaction is begun in so many words.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
