"""What a library holds, before anything is trained."""

from typing import Any

from rich.console import Console

from thawline.tasks.library.settings import library_of
from thawline.tasks.library.shown import print_library
from thawline.tasks.library.tagged import mark, read_library
from thawline.tasks.photos.facts import HEAD_BYTES, photo_facts
from thawline.tasks.settings import CheckSettings


def check_library(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show tags and how many photos have them, groups, what can't be used, and the size of the store.

    Raises:
        UserError: There are no usable photos with two tags.
    """
    data = library_of(settings.data)
    library = read_library(data)
    tagged = mark(library, photo_facts(library.listing, data, settings.store.root))
    report = tagged.report()
    report["store_bytes"] = HEAD_BYTES * len({fact.digest for fact in tagged.collection.facts})
    print_library(report, console)
    return report
