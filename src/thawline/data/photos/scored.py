"""Photos that a table names, each with a score: a number."""

from pathlib import Path

from thawline.data.listing import LeftOut, Listed, Listing, as_text
from thawline.data.tables.cells import number_of, side_of
from thawline.data.tables.named import BadRow, check_sided, find_named, folder_of, name_below, named_file
from thawline.data.tables.places import Absent, is_table
from thawline.data.tables.reading import Columns, Record, read_table
from thawline.errors import UserError

COLUMNS = Columns(("path", "score"), ("group", "split"), row="photo", others=True)
_MISSING = ("", "nan", "na", "n/a", "none", "null", "-", "?")


def list_scored(path: Path) -> Listing:
    """List the photos that a table names with their scores, without reading them; relative paths start from its folder.

    Args:
        path: A CSV or Parquet file with the columns `path,score`, and perhaps `split`, and `group` (an album, a shoot:
            kept on one side of a split). A row without a score is left out and named.

    Raises:
        UserError: It is no such table, or names no photo that is there and has a score.
    """
    if not is_table(path):
        raise UserError(
            f"data.labels=scores reads a table with the columns path,score and perhaps group,split, and {path} is "
            f"{'a folder' if path.is_dir() else 'none'}; name the table"
        )
    read, root, notes = read_table(path, COLUMNS), folder_of(path), list[str]()
    found = find_named(read, "path", root, notes, path)
    photos: dict[str, Listed] = {}
    left_out = []
    for record in read.records:
        try:
            photo = _photo(record, root, found)
            if (before := photos.get(photo.name)) is not None:
                other = "" if before.label == photo.label else f", with the score {photo.label}"
                raise BadRow(f"named again{other}")
            photos[photo.name] = photo
        except BadRow as bad:
            name = record.values.get("path", "").strip() or path.name
            left_out.append(LeftOut(as_text(name), f"row {record.row}: {bad}"))
    if not photos:
        raise UserError(
            f"{path} names no photo that is there and has a score; {left_out[0].name}, {left_out[0].reason}"
        )
    check_sided(photos.values(), path, "photo")
    return Listing(
        root,
        tuple(sorted({photo.label for photo in photos.values()})),
        tuple(sorted(photos.values(), key=lambda photo: photo.name)),
        tuple(sorted(left_out, key=lambda left: left.name)),
        notes=tuple(notes),
    )


def score_as_text(score: float) -> str:
    """A score as it stands where samples have a label; `float` gives the very number back."""
    return repr(score).removesuffix(".0")


def _photo(record: Record, root: Path, found: dict[str, Path | Absent]) -> Listed:
    if record.kind:
        raise BadRow(record.problem)
    path = named_file(record.values["path"].strip(), found)
    side, given = side_of(record.values.get("split", "")), record.values["score"].strip()
    if record.values.get("split", "").strip() and side is None:
        raise BadRow(f"the split {record.values['split'].strip()!r}, where train, val or test is meant")
    if given.lower() in _MISSING:
        raise BadRow("no score")
    if (score := number_of(given)) is None:
        raise BadRow(f"the score {given!r}, where a number is meant, such as 3.5")
    group = record.values.get("group", "").strip() or None
    return Listed(path, name_below(path, root), score_as_text(score), folder="", side=side, group=group)
