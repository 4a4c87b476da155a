"""Corrected labels of photos: a table that lies over the folders, which stay as they are."""

import difflib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from thawline.data.listing import LeftOut, Listing
from thawline.data.photos.corrected import Corrected
from thawline.data.tables.places import match_names
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError
from thawline.files import digest_of

COLUMNS = Columns(("path", "label"), ("when", "by"), row="corrected photo", closed=True, may_be_empty=True)

_UNDATED = datetime.min.replace(tzinfo=UTC)


def correct(listing: Listing, file: Path, new: Collection[str] = ()) -> Listing:
    """The listing with the labels that a table gives: columns `path,label` and perhaps `when,by`.

    A photo without a label there is left out. Of several rows for a photo the latest by `when` counts, those without a
    date before all others, and of equal ones the last.

    Args:
        listing: Of all classes.
        file: The table.
        new: Classes that it may name besides those of the folders.

    Raises:
        UserError: The table can't be used, or names a photo or a class that is not there.
    """
    file = file.expanduser().absolute()
    table = read_table(file, COLUMNS)
    means = _meant(listing, file, table.records)
    known = {*listing.classes, *(unicodedata.normalize("NFC", name) for name in new)}
    for record in table.records:
        _check_class(listing.root, file, record, known)
    given = _latest(file, table.records, means)
    photos, changed, left_out = [], [], []
    for photo in listing.photos:
        label = given.get(photo.name, photo.label)
        if not label:
            left_out.append(photo.name)
            continue
        if label != photo.label:
            changed.append((photo.name, photo.label, label))
        photos.append(replace(photo, label=label))
    if not photos:
        raise UserError(f"{file} leaves out every photo in {listing.root}; give some of them a label")
    # The table may lie in the folder, which it then has no class in.
    others = [left for left in listing.left_out if listing.root / left.name != file]
    others += [LeftOut(name, f"left out by {file.name}") for name in left_out]
    kept = len(given) - len(changed) - len(left_out)
    return replace(
        listing,
        classes=tuple(sorted({photo.label for photo in photos})),
        photos=tuple(photos),
        left_out=tuple(sorted(others, key=lambda left: left.name)),
        corrected=Corrected(file, digest_of(file), tuple(changed), tuple(left_out), kept, table.notes),
    )


def _meant(listing: Listing, file: Path, records: Sequence[Record]) -> Mapping[str, str]:
    """Which listed file each path of the table means."""
    for record in records:
        if record.kind:
            raise UserError(f"{file} row {record.row}: {record.problem}")
    # A file that is left out for another reason may be named too: that says nothing new.
    names = [photo.name for photo in listing.photos] + [left.name for left in listing.left_out]
    means = match_names([record.values["path"] for record in records], names, listing.root)
    absent = [record for record in records if record.values["path"] not in means]
    if absent:
        more = f" ({len(absent)} such rows)" if len(absent) > 1 else ""
        raise UserError(
            f"{file} row {absent[0].row}: there is no photo {absent[0].values['path']!r} in {listing.root}{more}; give "
            "its path relative to that folder, or remove the row if the photo is gone"
        )
    return means


def _latest(file: Path, records: Sequence[Record], means: Mapping[str, str]) -> dict[str, str]:
    """The label of each file that is named; "" where it is to be left out."""
    dated = [(_when(file, record), record) for record in records]
    dated.sort(key=lambda one: one[0])  # stable: of equal dates the last row counts
    return {means[record.values["path"]]: _label(record) for _, record in dated}


def _label(record: Record) -> str:
    return unicodedata.normalize("NFC", record.values["label"].strip())


def _when(file: Path, record: Record) -> datetime:
    """The row's date or time; without a zone it is UTC."""
    written = record.values.get("when", "").strip()
    if not written:
        return _UNDATED
    try:
        when = datetime.fromisoformat(written)
    except ValueError:
        raise UserError(
            f"{file} row {record.row}: when={written!r} is no date; write 2026-11-29 or 2026-11-29T14:30, or nothing"
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _check_class(root: Path, file: Path, record: Record, known: set[str]) -> None:
    label = _label(record)
    if label and label not in known:
        near = difflib.get_close_matches(label, sorted(known), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? Name a new class" if near else "name a new class"
        raise UserError(
            f"{file} row {record.row}: there is no class {label!r} in {root}; {hint} in data.classes, with all others"
        )
