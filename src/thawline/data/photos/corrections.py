"""Corrected labels of photos: a table that lies over the folders, which stay as they are."""

import difflib
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.corrected import Corrected, Correction
from thawline.data.tables.cells import several
from thawline.data.tables.places import match_names
from thawline.data.tables.reading import Columns, Record, Table, read_table
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
    given = _given(listing, file, table, new, lambda cell: (cell,) if cell else ())
    photos, changed, left_out = [], [], []
    for photo in listing.photos:
        correction = given.get(photo.name)
        if correction is not None and not correction.labels:
            left_out.append(photo.name)
            continue
        label = photo.label if correction is None else correction.labels[0]
        if label != photo.label:
            changed.append((photo.name, photo.label, label))
        photos.append(replace(photo, label=label))
    if not photos:
        raise _all_left_out(file, listing.root)
    others = [*_others(listing, file), *(LeftOut(name, _reason(file)) for name in left_out)]
    kept = len(given) - len(changed) - len(left_out)
    return replace(
        listing,
        classes=tuple(sorted({photo.label for photo in photos})),
        photos=tuple(photos),
        left_out=tuple(sorted(others, key=lambda left: left.name)),
        corrected=Corrected(file, digest_of(file), tuple(changed), tuple(left_out), kept, table.notes),
    )


def correct_several(listing: Listing, file: Path, new: Collection[str] = ()) -> Listing:
    """The listing with what a table like that of `correct` says of photos that can have several labels.

    A row holds all labels of its photo, with "|" or ";" between. They wait in `Listed.correction` until the photos are
    read, since files of the same bytes are one photo: `settle` puts them in place.

    Args:
        listing: With all labels.
        file: The table.
        new: Labels that it may name besides those of the listing.

    Raises:
        UserError: The table can't be used, or names a photo or a label that is not there.
    """
    file = file.expanduser().absolute()
    table = read_table(file, COLUMNS)
    given = _given(listing, file, table, new, several)
    return replace(
        listing,
        classes=tuple(sorted({*listing.classes, *(label for one in given.values() for label in one.labels)})),
        photos=tuple(replace(photo, correction=given.get(photo.name)) for photo in listing.photos),
        left_out=tuple(_others(listing, file)),
        corrected=Corrected(file, digest_of(file), (), (), len(given), table.notes),
    )


def settle(listing: Listing, contents: Sequence[Sequence[Listed]]) -> tuple[Listing, list[Sequence[Listed]]]:
    """Put the corrected labels of photos that can have several in place.

    Args:
        listing: What `correct_several` gave, or one without corrections.
        contents: Its photos, files of the same bytes together: a correction of one of them is of all, and the latest
            counts.

    Returns:
        The listing, which says what was changed and left out, and the contents that are left.

    Raises:
        UserError: None is left.
    """
    done = listing.corrected
    if done is None:
        return listing, list(contents)
    kept, gone, changed, left_out, named = list[Sequence[Listed]](), list[LeftOut](), [], [], done.kept
    for files in contents:
        corrections = [photo.correction for photo in files if photo.correction is not None]
        if not corrections:
            kept.append(files)
            continue
        labels = max(corrections, key=lambda one: one.order).labels
        before = {label for photo in files for label in photo.each_label}
        named -= 0 if before == set(labels) else len(corrections)
        if not labels:
            left_out.append(files[0].name)
            gone += [LeftOut(photo.name, _reason(done.file)) for photo in files]
            continue
        if before != set(labels):
            changed.append((files[0].name, "|".join(sorted(before)), "|".join(sorted(labels))))
        kept.append([replace(photo, label=labels[0], labels=labels) for photo in files])
    if not kept:
        raise _all_left_out(done.file, listing.root)
    done = replace(done, changed=tuple(changed), left_out=tuple(left_out), kept=named)
    return replace(listing, left_out=(*listing.left_out, *gone), corrected=done), kept


def _others(listing: Listing, file: Path) -> list[LeftOut]:
    """What is left out but the table itself: it may lie in the folder, in no class of it."""
    return [left for left in listing.left_out if listing.root / left.name != file]


def _reason(file: Path) -> str:
    return f"left out by {file.name}"


def _all_left_out(file: Path, root: Path) -> UserError:
    return UserError(f"{file} leaves out every photo in {root}; give some of them a label")


def _given(
    listing: Listing, file: Path, table: Table, new: Collection[str], read: Callable[[str], tuple[str, ...]]
) -> dict[str, Correction]:
    """What the table says of each file that it names, by the file's name; `read` gives the labels in a cell."""
    means = _meant(listing, file, table.records)
    known = {*listing.classes, *(unicodedata.normalize("NFC", name) for name in new)}
    for record in table.records:
        for label in read(_cell(record)):
            _check_class(listing.root, file, record.row, label, known)
    dated = sorted(table.records, key=lambda record: _when(file, record))  # stable: of equal dates the last row counts
    return {means[record.values["path"]]: Correction(read(_cell(record)), at) for at, record in enumerate(dated)}


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


def _cell(record: Record) -> str:
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


def _check_class(root: Path, file: Path, row: int, label: str, known: set[str]) -> None:
    if label not in known:
        if known.issuperset(each := several(label)) and len(each) > 1:
            raise UserError(
                f"{file} row {row}: {label!r} are several classes, and a photo has one; give one, or add "
                "data.labels=several"
            )
        near = difflib.get_close_matches(label, sorted(known), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? Name a new class" if near else "name a new class"
        raise UserError(
            f"{file} row {row}: there is no class {label!r} in {root}; {hint} in data.classes, with all others"
        )
