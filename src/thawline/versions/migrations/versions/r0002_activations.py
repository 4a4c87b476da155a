"""When each version became the active one, and what versions said of their answers out of fold."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table, and the column."""
    op.create_table(
        "activations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version_id", sa.Integer, sa.ForeignKey("model_versions.id"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rollback", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.add_column("version_feedback", sa.Column("score", sa.Double))


def downgrade() -> None:
    """Facts are not dropped."""
    raise NotImplementedError("there is no way back: keep a copy of the database instead")
