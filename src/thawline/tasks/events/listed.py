"""Which photos a folder of classes holds."""

from pathlib import Path

from thawline.data.listing import Listing, list_photos
from thawline.data.settings import DataSettings
from thawline.tasks.registry import refuse_table


def list_events(data: DataSettings) -> Listing:
    """The photos in the folder of `data`, before any is read.

    Raises:
        UserError: It is no folder of classes; where it is a table, the task that reads such is named.
    """
    refuse_table(Path(data.path))
    return list_photos(Path(data.path), data.classes)
