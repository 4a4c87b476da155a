"""Photos that a table names, each with its label or with several."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from thawline.data.listing import LeftOut, Listed, Listing, as_text
from thawline.data.tables.cells import mark_of, several, side_of
from thawline.data.tables.named import BadRow, check_sided, find_named, folder_of, name_below, named_file
from thawline.data.tables.places import Absent
from thawline.data.tables.reading import Columns, Record, Table, read_table
from thawline.errors import UserError

COLUMNS = Columns(("path",), ("label", "group", "split"), row="photo", others=True)


def list_table(path: Path, *, labels: str) -> Listing:
    """List the photos that a table names, without reading them. Relative paths start from its folder.

    Args:
        path: a CSV or Parquet file with the column `path`; with a column `label`, in which several stand with "|" or
            ";" between them, or a column of 0 and 1 for each label, or both; and perhaps with `split`, and `group`
            (an album, a shoot: kept on one side of a split).
        labels: "one": a photo's first label is its class, and columns of 0 and 1 count where there is no `label`;
            "several": all count, those of several rows of one photo too.

    Raises:
        UserError: the table can't be read, has no labels, or names no photo that is there.
    """
    read, root, notes = read_table(path, COLUMNS), folder_of(path), list[str]()
    found = find_named(read, "path", root, notes, path)
    marked = _label_columns(path, read, notes, labels)
    photos: dict[str, Listed] = {}
    left_out = []
    for record in read.records:
        try:
            photo = _photo(record, root, found, marked)
            photo = photo if labels == "several" else replace(photo, labels=())
            photos[photo.name] = _joined(photos.get(photo.name), photo)
        except BadRow as bad:
            name = record.values.get("path", "").strip() or path.name
            left_out.append(LeftOut(as_text(name), f"row {record.row}: {bad}"))
    if not photos:
        raise UserError(f"{path} names no photo that is there; {left_out[0].name}, {left_out[0].reason}")
    check_sided(photos.values(), path, "photo")
    # A label that no photo has is named as one that is too rare.
    nobody = marked if labels == "several" else ()
    return Listing(
        root,
        tuple(sorted({*nobody, *(label for photo in photos.values() for label in photo.each_label)})),
        tuple(sorted(photos.values(), key=lambda photo: photo.name)),
        tuple(sorted(left_out, key=lambda left: left.name)),
        notes=tuple(notes),
    )


def _label_columns(path: Path, read: Table, notes: list[str], labels: str) -> Sequence[str]:
    """The columns that are each a label: those of whose cells most are 0 or 1; `notes` gets what the others are.

    Raises:
        UserError: There is neither such a column nor one called `label`.
    """
    whole = [record.values for record in read.records if not record.kind]
    others = [name for name in (whole[0] if whole else ()) if name not in COLUMNS.known]
    told = any("label" in values for values in whole)
    marked = [name for name in others if _is_marked([values.get(name, "") for values in whole])]
    if not told and not marked:
        hint = "; its column score is read with data.labels=scores" if "score" in others else "; add one"
        raise UserError(f"{path} has neither a column label nor a column of 0 and 1 for each label{hint}")
    used = marked if labels == "several" or not told else []
    if unused := [name for name in others if name not in used]:
        notes.append(f"columns of {path.name} that are no labels are not used: {', '.join(map(as_text, unused))}")
    return used


def _is_marked(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return 2 * sum(mark_of(cell) is not None for cell in filled) > len(filled)


def _photo(record: Record, root: Path, found: Mapping[str, Path | Absent], marked: Sequence[str]) -> Listed:
    if record.kind:
        raise BadRow(record.problem)
    values = {name: unicodedata.normalize("NFC", value.strip()) for name, value in record.values.items()}
    path = named_file(record.values["path"].strip(), found)
    side = side_of(values.get("split", ""))
    if values.get("split") and side is None:
        raise BadRow(f"the split {values['split']!r}, where train, val or test is meant")
    own = several(values.get("label", ""))
    for name in marked:
        if (mark := mark_of(values.get(name, ""))) is None:
            raise BadRow(f"{values[name]!r} in the column {name}, where 0 or 1 is meant")
        own = (*own, name) if mark and name not in own else own
    if not own:
        raise BadRow("no label")
    return Listed(
        path, name_below(path, root), own[0], folder="", side=side, labels=own, group=values.get("group") or None
    )


def _joined(before: Listed | None, photo: Listed) -> Listed:
    """The photo with the labels of rows before, where several count; raises BadRow where only the first row does."""
    if before is None:
        return photo
    if not photo.labels or before.side != photo.side or photo.group not in (None, before.group):
        raise BadRow(f"named again, as {photo.label!r}" if photo.each_label != before.each_label else "named again")
    return replace(before, labels=tuple(dict.fromkeys([*before.labels, *photo.labels])))
