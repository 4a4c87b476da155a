"""`thawline preference import FILE`: answers from a table into the database, each once."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from thawline.data.tables.places import Absent, find_files
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.files import digest_of
from thawline.tasks.preference.answers import ANSWERS, answer_of
from thawline.versions.database import Database
from thawline.versions.feedback import Given, record_many
from thawline.versions.schema import Feedback, Item, ModelVersion, now

COLUMNS = Columns(("path", "feedback"), ("at", "digest", "retracted_at", "picked_by", "score", "why"), row="answer")

_AT_ONCE = 500  # values in one question to the database
_ABSENT = {
    "url": "is an address on the network; give files of this machine",
    "nul": "is no path",
    "home": "begins with the home of nobody who is known here",
    "folder": "is no file",
    "nothing": "is not there",
}


@dataclass(frozen=True)
class Refused:
    """A row that was skipped, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class Imported:
    """What came of a table.

    Attributes:
        added: answers that are in the database now.
        there: rows that it had before.
        outdated: rows that a later answer of the same item made void, in the table or in the database, or that were
            deleted where the table comes from.
        refused: rows that can't be used.
        notes: sentences on how the table was read.
    """

    added: int
    there: int
    outdated: int
    refused: tuple[Refused, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """One answer of a table.

    Attributes:
        picked_by: The number of the version that asked; only with it `score` and `why` are told.
    """

    row: int
    path: str
    answer: str
    at: datetime | None
    digest: str | None
    deleted: bool
    picked_by: int | None = None
    score: float | None = None
    why: str | None = None


@dataclass
class _Known:
    """What the database has of the contents in a table, and what of the table was taken so far.

    Attributes:
        items: By digest.
        answers: (digest, answer, when) of each row, deleted ones too.
        said: (digest, answer) of the same.
        newest: When the answer that counts of a content was given.
    """

    items: dict[str, Item]
    answers: set[tuple[str, str, datetime]] = field(default_factory=set)
    said: set[tuple[str, str]] = field(default_factory=set)
    newest: dict[str, datetime] = field(default_factory=dict)

    def add(self, digest: str, answer: str, at: datetime, *, retracted: bool) -> None:
        """Note a row."""
        self.answers.add((digest, answer, at))
        self.said.add((digest, answer))
        if not retracted:
            self.newest[digest] = max(at, self.newest.get(digest, at))


def import_answers(path: Path, database: Database) -> Imported:
    """Add the answers of the table at `path`, all of its usable rows or none.

    A row whose item has this answer of this time is in the database already; so is one without a time whose item was
    ever given this answer. So the same table adds nothing twice, and nothing that was deleted comes back. Of several
    rows of one item without times the last counts, and no row makes an answer void that was given later.

    Args:
        path: A CSV or Parquet file with the columns `path,feedback`, perhaps `at` (ISO 8601; UTC where no zone is
            named), `digest` (sha256 of the content, for files that are gone) and `retracted_at`; of what was asked
            for by `preference ask` also `picked_by`, `score` and `why`. Relative paths start from its folder.
        database: Where the answers go.

    Raises:
        UserError: `path` is no such table, or none of its rows can be used.
    """
    if path.is_dir():
        raise UserError(
            f"{path} is a folder; name a file of answers, a CSV with the columns path,feedback ('thawline preference "
            "add DIR' adds photos to be asked about)"
        )
    table = read_table(path, COLUMNS)
    refused: list[Refused] = []
    rows = [row for one in table.records if (row := _row(one, refused)) is not None]
    contents = _contents(rows, path.parent.absolute(), refused)
    with database.reading() as session:
        numbers = dict(session.execute(select(ModelVersion.number, ModelVersion.id)).tuples().all())
    rows = [row for row in rows if row.row in contents]
    strangers = {row.row: row.picked_by for row in rows if row.picked_by is not None and row.picked_by not in numbers}
    refused += [Refused(row, f"v{number}, which picked it, is no version here") for row, number in strangers.items()]
    rows = [row for row in rows if row.row not in strangers]
    if not rows:
        first = min(refused, key=lambda one: one.row)
        raise UserError(f"{path}: none of the {len(refused)} rows can be used; row {first.row}: {first.reason}")
    standing = [row for row in rows if not row.deleted]
    last = {contents[row.row][1]: row.row for row in standing if row.at is None}
    dated = [row for row in standing if row.at is not None or last[contents[row.row][1]] == row.row]
    # Rows without a time were given before those that are given now, and after those that have one.
    dated.sort(key=lambda row: (row.at is None, row.at or datetime.min.replace(tzinfo=UTC)))
    with database.session() as session:
        added, there = _add(session, dated, contents, numbers)
    refused.sort(key=lambda one: one.row)
    return Imported(added, there, len(rows) - added - there, tuple(refused), table.notes)


def _row(record_: Record, refused: list[Refused]) -> _Row | None:
    """The answer that a row of the table holds; None: it was refused."""
    values, number = record_.values, record_.row
    if record_.problem:
        refused.append(Refused(number, record_.problem))
        return None
    answer = answer_of(values["feedback"])
    if answer is None:
        said = values["feedback"].strip()
        what = f"'{said}' is no answer" if said else "the answer is missing"
        refused.append(Refused(number, f"{what}; write {', '.join(ANSWERS[:-1])} or {ANSWERS[-1]}"))
        return None
    if not values["path"].strip():
        refused.append(Refused(number, "the path is missing"))
        return None
    cell = values.get("at", "").strip()
    at = _time(cell) if cell else None
    if cell and at is None:
        refused.append(Refused(number, f"at='{cell}' is no time; write it as 2026-11-29T14:30:00Z"))
        return None
    digest = values.get("digest", "").strip().lower() or None
    row = _Row(number, values["path"].strip(), answer, at, digest, bool(values.get("retracted_at", "").strip()))
    if not (cell := values.get("picked_by", "").strip()):
        return row
    if (version := re.fullmatch(r"v(\d{1,9})", cell, re.ASCII)) is None:
        refused.append(Refused(number, f"picked_by='{cell}' is no version; leave it as 'preference ask' wrote it"))
        return None
    why = values.get("why", "").strip() or None
    return replace(row, picked_by=int(version[1]), score=_share(values.get("score", "")), why=why)


def _share(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _time(cell: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(cell)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _contents(rows: Sequence[_Row], base: Path, refused: list[Refused]) -> dict[int, tuple[Path | None, str]]:
    """(file, digest) of each row that can be used, by its number; no file: it is gone, and the row tells the digest."""
    found = find_files([row.path for row in rows], base)
    files = list(dict.fromkeys(at for at in found.values() if isinstance(at, Path)))
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(files, pool.map(_digest, files), strict=True))
    contents: dict[int, tuple[Path | None, str]] = {}
    for row in rows:
        at = found[row.path]
        if isinstance(at, Absent):
            if row.digest and _is_digest(row.digest):
                contents[row.row] = (None, row.digest)
            else:
                why = _ABSENT.get(at.kind, f"can't be used ({at.detail})")
                refused.append(Refused(row.row, f"{row.path} {why}"))
        elif (digest := digests[at]) is None:
            refused.append(Refused(row.row, f"{row.path} can't be read"))
        elif row.digest and row.digest != digest:
            refused.append(Refused(row.row, f"{row.path} is not the file that was judged: its content has changed"))
        else:
            contents[row.row] = (at, digest)
    return contents


def _digest(path: Path) -> str | None:
    try:
        return digest_of(path)
    except OSError:
        return None


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _add(
    session: Session,
    rows: Sequence[_Row],
    contents: Mapping[int, tuple[Path | None, str]],
    numbers: Mapping[int, int],
) -> tuple[int, int]:
    """Add what is not there; (added, there before). The others are outdated. `numbers` are the versions, with ids."""
    known = _known(session, {digest for _, digest in contents.values()})
    new: list[Given] = []
    there = 0
    for row in rows:
        path, digest = contents[row.row]
        if _is_there(known, digest, row):
            there += 1
            continue
        newest = known.newest.get(digest)
        if row.at is not None and newest is not None and newest > row.at:
            continue
        at = row.at or now()
        known.add(digest, row.answer, at, retracted=False)
        version = None if row.picked_by is None else numbers[row.picked_by]
        file = path or _path_of(known, digest, row)
        new.append(Given(file, digest, row.answer, at, None, version, row.score, row.why))
    done = record_many(session, new)
    return done.new + done.changed, there + done.same


def _path_of(known: _Known, digest: str, row: _Row) -> str:
    """Of an item whose file is gone: as it is known, or as the table has it."""
    item = known.items.get(digest)
    return item.path if item is not None else row.path


def _is_there(known: _Known, digest: str, row: _Row) -> bool:
    if row.at is None:
        return (digest, row.answer) in known.said
    return (digest, row.answer, row.at) in known.answers


def _known(session: Session, digests: set[str]) -> _Known:
    known = _Known({})
    wanted = select(Item, Feedback).join(Feedback, Feedback.item_id == Item.id, isouter=True).order_by(Feedback.id)
    asked = sorted(digests)
    for start in range(0, len(asked), _AT_ONCE):
        for item, row in session.execute(wanted.where(Item.digest.in_(asked[start : start + _AT_ONCE]))):
            known.items[item.digest] = item
            if row is not None:
                known.add(item.digest, row.answer, row.at, retracted=row.retracted_at is not None)
    return known
