"""Classes under other names: a table renames them, or makes one of several."""

import difflib
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from thawline.data.listing import Listing
from thawline.data.relabelled import relabel_photos, relabel_tracks
from thawline.data.tracks.listed import TrackListing
from thawline.errors import UserError


def read_renames(file: Path) -> dict[str, str]:
    """The new name of each class that a table renames: columns `from,to`, where several may become one.

    Raises:
        UserError: The table can't be read, a row has no name, or a class has two.
    """
    from thawline.data.tables.reading import Columns, read_table  # late: most runs need no pyarrow for their folders

    names: dict[str, str] = {}
    for record in read_table(file.expanduser(), Columns(("from", "to"), row="class", closed=True)).records:
        if record.kind:
            raise UserError(f"{file} row {record.row}: {record.problem}")
        before, now = (one_name(record.values[column]) for column in ("from", "to"))
        if not before or not now:
            raise UserError(f"{file} row {record.row} lacks a name; give each class, from, its name, to")
        if names.setdefault(before, now) != now:
            raise UserError(f"{file} calls {before!r} both {names[before]!r} and {now!r}; keep one row")
    return names


def one_name(name: str) -> str:
    """A class's name as folders give it."""
    return unicodedata.normalize("NFC", name.strip())


def check_renames(names: Mapping[str, str], classes: Collection[str], root: Path) -> None:
    """Is each class there that is renamed?

    Raises:
        UserError: One is not.
    """
    for name in names:
        if name not in classes:
            near = difflib.get_close_matches(name, sorted(classes), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(classes))}"
            raise UserError(f"data.rename renames {name!r}, which is no class of {root}; {hint}")


def rename_photos(listing: Listing, names: Mapping[str, str], *, check: bool) -> Listing:
    """The listing with the classes under their new names.

    Args:
        listing: Of all classes.
        names: The new name of each that has one.
        check: Whether each must be there; new data need not have all classes of a run.

    Raises:
        UserError: One that is renamed is not there.
    """
    if check:
        check_renames(names, listing.classes, listing.root)
    return relabel_photos(listing, names)


def rename_tracks(listing: TrackListing, names: Mapping[str, str], *, check: bool) -> TrackListing:
    """The same of tracks and all their labels."""
    if check:
        check_renames(names, {label for track in listing.tracks for label in track.labels}, listing.root)
    return relabel_tracks(listing, names)
