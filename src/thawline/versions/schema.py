"""The tables: items, what was answered of them, versions of a model, trainings, and what a service said.

Facts stay: a correction is a row of its own, a deletion is a time in its row. All times are UTC. What changes here
needs a revision in `migrations/versions/`.
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, ForeignKey, Index, Text, TypeDecorator, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from thawline.files import printable

PENDING, RUNNING, COMPLETED, FAILED = STATUSES = ("pending", "running", "completed", "failed")
# Bytes of a name that are no UTF-8 are surrogates in Python (U+DC80…U+DCFF), which no database takes as text.
_TO_PRIVATE = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_FROM_PRIVATE = {private: surrogate for surrogate, private in _TO_PRIVATE.items()}


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A moment, UTC, also where a database keeps none but local times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What is stored; a time without its zone could mean anything."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} lacks its time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What was stored."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Any text that Python has: what no database takes, NUL and halves of characters, is written out."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is stored."""
        return None if value is None else printable(value).replace("\0", "\\x00")


class FilePath(Words):
    """A file's path as Python has it, also one that is no UTF-8: such bytes are stored as private characters."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is stored."""
        return super().process_bind_param(value and value.translate(_TO_PRIVATE), dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """What was stored."""
        # Most paths are plain, and `translate` takes ten times as long as to see that.
        return value if value is None or value.isascii() else value.translate(_FROM_PRIVATE)


class Base(DeclarativeBase):
    """Every table."""

    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's name and kind
        datetime: UtcTime,
        str: Words,
        float: Double,
        dict[str, Any]: JSON,
    }


class Item(Base):
    """A file that is judged, known by its content.

    Attributes:
        path: absolute, as it was given last.
        digest: sha256 of the content, hex.
        group: what it belongs to: a person, a burst, a shoot.
        removed_at: when it was taken out of what is asked about.
    """

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(FilePath)
    digest: Mapped[str] = mapped_column(unique=True)
    group: Mapped[int | None]
    added_at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None]


class Feedback(Base):
    """One answer about an item.

    Attributes:
        answer: a word of the task.
        version_id: the version that showed the item.
        score: what that version said of it then.
        why: why it was picked.
        corrects_id: the answer that this one corrects.
        retracted_at: when it was deleted.
    """

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    answer: Mapped[str]
    at: Mapped[datetime] = mapped_column(default=now)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"), index=True)
    score: Mapped[float | None]
    why: Mapped[str | None]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("feedback.id"))
    retracted_at: Mapped[datetime | None]

    item: Mapped[Item] = relationship()


class ModelVersion(Base):
    """A model in the registry; what it is never changes, only what is done with it.

    Attributes:
        number: v1 is the base.
        type: base, prior, logistic, gda, blocks or imported.
        path: of its directory, relative to the registry's folder.
        samples: how many answers it was trained on.
        parent_id: the version that it came from.
        is_active: at most one version is.
        predictions: how many items it has been asked about.
        stale_since: when an answer that it was trained on was deleted.
        pruned_at: when its directory was removed to save room.
    """

    __tablename__ = "model_versions"
    __table_args__ = (
        Index(
            "one_active_version",
            "is_active",
            unique=True,
            sqlite_where=text("is_active"),
            postgresql_where=text("is_active"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    type: Mapped[str]
    path: Mapped[str] = mapped_column(FilePath)
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    samples: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    is_active: Mapped[bool] = mapped_column(default=False)
    predictions: Mapped[int] = mapped_column(default=0)
    stale_since: Mapped[datetime | None]
    pruned_at: Mapped[datetime | None]


class VersionFeedback(Base):
    """That a version was trained on an answer.

    Attributes:
        score: what the version said of it out of fold, not having seen it.
    """

    __tablename__ = "version_feedback"

    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    feedback_id: Mapped[int] = mapped_column(ForeignKey("feedback.id"), primary_key=True, index=True)
    score: Mapped[float | None]


class Activation(Base):
    """That a version became the active one.

    Attributes:
        rollback: whether it takes its place again after the version that came after it; else it comes anew.
        reason: why it may: what the gate said, or that it was forced.
    """

    __tablename__ = "activations"

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    rollback: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]


class TrainingJob(Base):
    """One training, from when it was asked for to its end.

    Attributes:
        status: pending, running, completed or failed.
        reason: why it failed, waits, or made no version of its own.
        version_id: what it made.
        pid: the process that trains.
    """

    __tablename__ = "training_jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(default=PENDING)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    hyperparameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    epoch: Mapped[int | None]
    loss: Mapped[float | None]
    accuracy: Mapped[float | None]
    reason: Mapped[str | None]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    pid: Mapped[int | None]


class ClassificationResult(Base):
    """What a service said of one file, and what was said of that.

    Attributes:
        id: a UUID, hex: the `result_id` of the answer.
        name: the file's, as the caller said it.
        digest: sha256 of the content, hex.
        label: what was answered, with `score`, its probability; of several labels all, "|" between them, with that of
            the most probable one.
        user_feedback: a word of the task, or a class.
    """

    __tablename__ = "classification_results"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid.uuid4().hex)
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"), index=True)
    name: Mapped[str] = mapped_column(FilePath)
    digest: Mapped[str]
    label: Mapped[str]
    score: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)
    user_feedback: Mapped[str | None]
    feedback_at: Mapped[datetime | None]
