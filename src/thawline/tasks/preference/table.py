"""A file of answers: which photos it names, and what was said of each."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.collection import Collection, build_collection
from thawline.data.photos.photo import PhotoFacts
from thawline.data.tables.cells import side_of
from thawline.data.tables.named import BadRow, check_sided, find_named, folder_of, name_below, named_file
from thawline.data.tables.places import Absent
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.tasks.preference.answers import ANSWERS, CLASSES, answer_of, class_of
from thawline.tasks.preference.settings import FeedbackSettings

COLUMNS = Columns(("path", "feedback"), ("group", "split"), row="photo")
_NOBODY = ""  # the cell of a photo that is not answered yet


@dataclass(frozen=True)
class AnsweredPhoto:
    """A row that counts.

    Attributes:
        photo: The photo, whose label is the class that the answer makes.
        answer: What was said.
        group: The person or shoot that it is said to belong to; None: nothing is said.
        row: Its number as a spreadsheet shows it.
    """

    photo: Listed
    answer: str
    group: str | None
    row: int


@dataclass(frozen=True)
class Change:
    """A photo that was answered more than once.

    Attributes:
        name: The photo.
        before: What was said, and in which row.
        now: The newest answer, which counts, and its row.
    """

    name: str
    before: str
    now: str


@dataclass(frozen=True)
class Feedback:
    """What a file of answers holds, before any photo is read.

    Attributes:
        path: The file.
        listing: The photos that were answered, each once.
        answered: The row of each, by the photo's name.
        changes: Photos that were answered again.
    """

    path: Path
    listing: Listing
    answered: Mapping[str, AnsweredPhoto]
    changes: tuple[Change, ...]

    def only(self, listing: Listing) -> "Feedback":
        """Those to the photos of `listing`, which is a part of its own."""
        kept = {photo.name for photo in listing.photos}
        answered = {name: row for name, row in self.answered.items() if name in kept}
        return replace(self, listing=listing, answered=answered)

    def answers(self, names: Sequence[str]) -> tuple[str, ...]:
        """The answer to each of the photos `names`."""
        return tuple(self.answered[name].answer for name in names)


def read_feedback(data: FeedbackSettings) -> Feedback:
    """The answers in the file of `data`, and the photos that are there. Relative paths start from the file's folder.

    Of a photo that was answered more than once the last row counts.

    Raises:
        UserError: The file can't be read, has an answer that is none, names no photo that is there, or has answers of
            one kind alone.
    """
    path = Path(data.path).expanduser()
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file of answers, a CSV with the columns path,feedback")
    read, root, notes = read_table(path, COLUMNS), folder_of(path), list[str]()
    found = find_named(read, "path", root, notes, path)
    for note in notes:
        say(note)
    rows: dict[str, AnsweredPhoto] = {}
    changes, left_out = [], []
    for record in read.records:
        try:
            row = _answered(record, root, found, path)
        except BadRow as bad:
            name = record.values.get("path", "").strip() or path.name
            left_out.append(LeftOut(name_below(Path(name), root), f"row {record.row}: {bad}"))
            continue
        if (older := rows.get(row.photo.name)) is not None:
            changes.append(_change(older, row))
        rows[row.photo.name] = row
    if not rows:
        first = f"; {left_out[0].name}, {left_out[0].reason}" if left_out else ""
        raise UserError(f"{path} has no answer to a photo that is there{first}")
    check_sided((row.photo for row in rows.values()), path, "photo")
    listing = Listing(
        root,
        tuple(sorted({row.photo.label for row in rows.values()})),
        tuple(sorted((row.photo for row in rows.values()), key=lambda photo: photo.name)),
        tuple(sorted(left_out, key=lambda left: left.name)),
    )
    _check_both(path, list(rows.values()))
    return Feedback(path, listing, rows, tuple(changes))


def collect(feedback: Feedback, facts: Mapping[str, PhotoFacts], data: FeedbackSettings) -> tuple[Collection, Feedback]:
    """The photos that can be used as a collection, and the answers to them.

    Files of the same bytes are one photo, and the newest answer counts.

    Raises:
        UserError: No photo can be used, or only photos of one kind of answer.
    """
    newest: dict[str, AnsweredPhoto] = {}
    changes, dropped = list(feedback.changes), {}
    for row in sorted(feedback.answered.values(), key=lambda row: row.row):
        fact = facts[row.photo.name]
        if fact.problem is not None:
            continue
        if (older := newest.get(fact.digest)) is not None:
            changes.append(_change(older, row))
            dropped[older.photo.name] = LeftOut(
                older.photo.name, f"row {older.row}: the same file as {row.photo.name}, whose answer in row {row.row}"
            )
        newest[fact.digest] = row
    usable = {row.photo.name for row in newest.values()}
    _check_both(feedback.path, list(newest.values()))
    kept = tuple(photo for photo in feedback.listing.photos if photo.name not in dropped)
    listing = replace(feedback.listing, photos=kept, left_out=(*feedback.listing.left_out, *dropped.values()))
    told = {name: row.group for name, row in feedback.answered.items() if row.group and name in usable}
    collection = build_collection(listing, facts, data.min_groups, told or None)
    return collection, replace(feedback, listing=listing, changes=tuple(changes))


def _answered(record: Record, root: Path, found: Mapping[str, Path | Absent], table: Path) -> AnsweredPhoto:
    if record.kind:
        raise BadRow(record.problem)
    values = {name: unicodedata.normalize("NFC", value.strip()) for name, value in record.values.items()}
    if values["feedback"] == _NOBODY:
        raise BadRow("no answer")
    answer = answer_of(values["feedback"])
    if answer is None:
        raise UserError(
            f"{table}, row {record.row}: '{values['feedback']}' is no answer; write {', '.join(ANSWERS[:-1])} or "
            f"{ANSWERS[-1]}, or nothing where a photo is not answered"
        )
    side = side_of(values.get("split", ""))
    if values.get("split") and side is None:
        raise UserError(f"{table}, row {record.row}: the split '{values['split']}' is none; write train, val or test")
    path = named_file(record.values["path"].strip(), found)
    photo = Listed(path, name_below(path, root), class_of(answer), folder="", side=side)
    return AnsweredPhoto(photo, answer, values.get("group") or None, record.row)


def _change(older: AnsweredPhoto, newer: AnsweredPhoto) -> Change:
    return Change(newer.photo.name, f"{older.answer} (row {older.row})", f"{newer.answer} (row {newer.row})")


def _check_both(path: Path, rows: Sequence[AnsweredPhoto]) -> None:
    """Are there likes and dislikes?

    Raises:
        UserError: There is one kind alone; where there is none, the collection says why.
    """
    there = {row.photo.label for row in rows}
    if len(there) == 1:
        (only,) = there
        (other,) = set(CLASSES) - there
        raise UserError(
            f"{path} has {only}s alone ({len(rows)} photos that can be used); a taste is learnt from both, so answer "
            f"some with {other}"
        )
