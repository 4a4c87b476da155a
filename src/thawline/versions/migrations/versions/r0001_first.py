"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("group", sa.Integer),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("removed_at", _TIME),
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("model_versions.id")),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("predictions", sa.Integer, nullable=False),
        sa.Column("stale_since", _TIME),
        sa.Column("pruned_at", _TIME),
    )
    active = sa.text("is_active")
    op.create_index(
        "one_active_version",
        "model_versions",
        ["is_active"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
    _feedback()
    op.create_table(
        "training_jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("hyperparameters", sa.JSON, nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("loss", sa.Double),
        sa.Column("accuracy", sa.Double),
        sa.Column("reason", sa.Text),
        sa.Column("version_id", sa.Integer, sa.ForeignKey("model_versions.id")),
        sa.Column("pid", sa.Integer),
    )
    op.create_table(
        "classification_results",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model_version_id", sa.Integer, sa.ForeignKey("model_versions.id"), index=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("user_feedback", sa.Text),
        sa.Column("feedback_at", _TIME),
    )


def _feedback() -> None:
    """The answers, and which version was trained on which."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("item_id", sa.Integer, sa.ForeignKey("items.id"), nullable=False, index=True),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("version_id", sa.Integer, sa.ForeignKey("model_versions.id"), index=True),
        sa.Column("score", sa.Double),
        sa.Column("why", sa.Text),
        sa.Column("corrects_id", sa.Integer, sa.ForeignKey("feedback.id")),
        sa.Column("retracted_at", _TIME),
    )
    op.create_table(
        "version_feedback",
        sa.Column("version_id", sa.Integer, sa.ForeignKey("model_versions.id"), primary_key=True),
        sa.Column("feedback_id", sa.Integer, sa.ForeignKey("feedback.id"), primary_key=True, index=True),
    )


def downgrade() -> None:
    """Facts are not dropped."""
    raise NotImplementedError("there is no way back: keep a copy of the database instead")
