"""Which photos a folder of classes holds."""

from pathlib import Path

from thawline.data.alike import join_photos
from thawline.data.listing import PLAIN, Listing, list_photos
from thawline.data.settings import DataSettings
from thawline.features.progress import say
from thawline.tasks.task import refuse_table


def list_events(data: DataSettings) -> Listing:
    """The photos in the folder of `data`, before any is read.

    Raises:
        UserError: It is no folder of classes; where it is a table, the task that reads such is named.
    """
    refuse_table(Path(data.path))
    later = data.join_alike or data.corrections is not None  # then classes are chosen among what these give
    listing = list_photos(Path(data.path), None if later else data.classes, layout=data.layout)
    if data.corrections is not None:
        from thawline.data.photos.corrections import correct, take_classes  # late: folders need no pyarrow

        listing = correct(listing, Path(data.corrections), data.classes or ())
        listing = listing if data.join_alike or data.classes is None else take_classes(listing, data.classes)
    if data.join_alike:
        listing = join_photos(listing, data.classes)
    if listing.layout != PLAIN:
        say(listing.layout)
    return listing
