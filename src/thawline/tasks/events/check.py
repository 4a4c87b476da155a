"""What a folder of event photos holds, before anything is trained."""

from typing import Any

from rich.console import Console

from thawline.data.photos.collection import build_collection
from thawline.tasks.events.listed import list_events
from thawline.tasks.photos.line import photo_facts, show_collection
from thawline.tasks.settings import CheckSettings


def check_events(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show classes, counts, groups, near-duplicates, photos under two labels, broken files, the size of the store.

    Raises:
        UserError: There are no usable photos of two classes.
    """
    listing = list_events(settings.data)
    facts = photo_facts(listing, settings.data, settings.store.root)
    return show_collection(build_collection(listing, facts, settings.data.min_groups), console)
