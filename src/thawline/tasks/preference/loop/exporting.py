"""`thawline preference export`: the answers as a table, which `import` reads."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from thawline.data.listing import as_text
from thawline.data.tables.reading import write_rows
from thawline.errors import UserError
from thawline.versions.database import Database
from thawline.versions.feedback import answered
from thawline.versions.schema import Feedback, Item, ModelVersion

COLUMNS = ("path", "feedback", "at", "digest", "group", "version", "score", "why", "id", "corrects", "retracted_at")


def export_answers(database: Database, out: Path, *, everything: bool = False) -> int:
    """Write a row for the answer that counts of each item, in the order in which they came; how many.

    Args:
        database: Where they are.
        out: The CSV.
        everything: Each answer that was ever given: those that were corrected or deleted, and of removed items.

    Raises:
        UserError: `out` holds what no export wrote.
    """
    if os.path.lexists(out) and not _written_here(out):
        raise UserError(f"{out} is there already, and no export wrote it; give out= another name")
    with database.reading() as session:
        standing = {one.feedback_id for one in answered(session)}
        numbers = {version.id: version.number for version in session.scalars(select(ModelVersion))}
        wanted = select(Feedback, Item).join(Item, Item.id == Feedback.item_id).order_by(Feedback.id)
        rows = [
            _row(feedback, item, numbers)
            for feedback, item in session.execute(wanted)
            if everything or feedback.id in standing
        ]
    write_rows(out, COLUMNS, rows)
    return len(rows)


def _written_here(out: Path) -> bool:
    header = ",".join(COLUMNS).encode()
    try:
        with out.open("rb") as file:
            return file.read(len(header)) == header
    except OSError:
        return False


def _row(feedback: Feedback, item: Item, numbers: Mapping[int, int]) -> list[object]:
    return [
        as_text(item.path),
        feedback.answer,
        _moment(feedback.at),
        item.digest,
        _or_empty(item.group),
        _or_empty(numbers.get(feedback.version_id) if feedback.version_id is not None else None),
        _or_empty(feedback.score),
        feedback.why or "",
        feedback.id,
        _or_empty(feedback.corrects_id),
        _moment(feedback.retracted_at),
    ]


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at is not None else ""


def _or_empty(value: float | None) -> float | str:
    return "" if value is None else value
