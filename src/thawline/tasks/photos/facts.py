"""What is known of photos, and what `thawline data check` says of them: without a network, and without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report, print_report
from thawline.data.settings import DataSettings
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore

# Bytes of one photo's features at the head, for the widest encoder that has a conf file (ResNet50, 2,048 numbers).
HEAD_BYTES = 4 * 2048


def photo_facts(listing: Listing, data: DataSettings, store: Path) -> Mapping[str, PhotoFacts]:
    """What is known of the photos of `listing`, by their names, where no network looks at them."""
    return find_facts(listing.photos, FeatureStore(store), Photos(max_megapixels=data.max_megapixels))


def show_collection(collection: Collection, console: Console, report: dict[str, Any] | None = None) -> dict[str, Any]:
    """Show what `thawline data check` says of photos, their `report` or that of classes, and give it as plain JSON."""
    size = HEAD_BYTES * len({fact.digest for fact in collection.facts})
    report = {**(report or data_report(collection)), "store_bytes": size}
    print_report(report, console)
    return report
