"""What a folder of event photos holds, or a table of them, before anything is trained."""

from dataclasses import replace
from typing import Any

from rich.console import Console

from thawline.data.photos.collection import build_collection
from thawline.tasks.events.listed import list_events
from thawline.tasks.photos.facts import photo_facts, show_collection
from thawline.tasks.photos.peopled import find_peopled
from thawline.tasks.photos.scored import check_scored
from thawline.tasks.photos.tagged import mark_photos
from thawline.tasks.settings import CheckSettings


def check_events(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show classes, counts, groups, near-duplicates, photos under two labels, broken files, the size of the store.

    Raises:
        UserError: There are no usable photos of two classes.
    """
    data = settings.data
    if data.scored:
        return check_scored(settings, console)
    listing, people = find_peopled(list_events(data), settings)
    facts = photo_facts(listing, data, settings.store.root)
    if not data.several_labels:
        collection = build_collection(listing, facts, data.min_groups)
        return show_collection(replace(collection, people=people), console)
    tagged = mark_photos(listing, facts, wanted=data.classes, min_groups=data.min_groups).with_people(people)
    return show_collection(tagged.collection, console, tagged.report())
