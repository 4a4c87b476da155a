"""Which photos a folder of classes holds, or a table names."""

from pathlib import Path

from thawline.data.alike import join_photos
from thawline.data.listing import PLAIN, Listing, list_photos
from thawline.data.relabelled import take_classes
from thawline.data.renaming import rename_photos
from thawline.data.settings import DataSettings
from thawline.data.tables.places import is_table
from thawline.features.progress import say
from thawline.tasks.task import refuse_table


def list_events(data: DataSettings, *, new: bool = False) -> Listing:
    """The photos in the folder or table of `data`, before any is read, and what there is to say of it.

    Args:
        data: Where they are.
        new: Whether they are to be judged by a finished run, and need not have all its classes.

    Raises:
        UserError: It is neither; where it is a table of another task's samples, that is named.
    """
    if not data.scored:
        refuse_table(Path(data.path), "events")
    listing = find_events(data, new=new)
    for note in (*listing.notes, listing.layout):
        if note not in ("", PLAIN):
            say(note)
    return listing


def find_events(data: DataSettings, *, new: bool = False) -> Listing:
    """The photos in the folder or table of `data`; see `list_events`.

    Raises:
        UserError: It is neither, or has not the classes that are wanted.
    """
    path = Path(data.path)
    if data.scored:
        from thawline.data.photos.scored import list_scored  # late: folders need no pyarrow

        return list_scored(path)
    # Of several labels a photo is not left out by its first.
    wanted = None if data.several_labels else data.classes
    as_listed = not (data.join_alike or data.corrections is not None or data.rename or is_table(path))
    if is_table(path):
        from thawline.data.photos.table import list_table  # late: folders need no pyarrow

        listing = list_table(path, labels=data.labels)
    else:
        listing = list_photos(path, wanted if as_listed else None, layout=data.layout)
    if data.corrections is not None:
        from thawline.data.photos.corrections import correct, correct_several  # late, as above

        by = correct_several if data.several_labels else correct
        listing = by(listing, Path(data.corrections), [*(data.classes or ()), *(data.rename or {}).values()])
    if data.rename:
        listing = rename_photos(listing, data.rename, check=not new)
    if data.join_alike:
        return join_photos(listing, wanted)
    return listing if as_listed or wanted is None else take_classes(listing, wanted)
