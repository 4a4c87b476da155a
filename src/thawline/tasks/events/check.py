"""What a folder of event photos holds, before anything is trained."""

from typing import Any

from rich.console import Console

from thawline.data.photos.collection import build_collection
from thawline.data.photos.report import data_report, print_report
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.tasks.events.listed import list_events
from thawline.tasks.settings import CheckSettings

# Bytes of one photo's features at the head, for the widest encoder that has a conf file (ResNet50, 2,048 numbers).
HEAD_BYTES = 4 * 2048


def check_events(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show classes, counts, groups, near-duplicates, photos under two labels, broken files, the size of the store.

    Raises:
        UserError: There are no usable photos of two classes.
    """
    listing = list_events(settings.data)
    photos = Photos(max_megapixels=settings.data.max_megapixels)
    found = survey(listing.photos, FeatureStore(settings.store.root), photos)
    report = data_report(build_collection(listing, found.facts, settings.data.min_groups), bytes_per_photo=HEAD_BYTES)
    print_report(report, console)
    return report
