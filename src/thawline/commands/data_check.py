"""`thawline data check DIR`: what a folder of photos holds, before anything is trained."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.settings import to_settings
from thawline.data.collection import build_collection
from thawline.data.listing import list_photos
from thawline.data.report import data_report, print_report
from thawline.features.store import FeatureStore
from thawline.features.survey import survey
from thawline.files import write_json

# Bytes of one photo's features at the head, for the widest encoder that has a conf file (ResNet50, 2,048 numbers).
HEAD_BYTES = 4 * 2048


def data_check(config: DictConfig) -> None:
    """Print classes, counts, groups, near-duplicates, photos under two labels, broken files, the size of the store."""
    settings = to_settings(config)
    listing = list_photos(Path(settings.data.path), settings.data.classes)
    found = survey(listing.photos, FeatureStore(settings.store.root))
    collection = build_collection(listing, found.facts)
    report = data_report(collection, bytes_per_photo=HEAD_BYTES)
    console = Console()
    print_report(report, console)
    path = Path(settings.paths.run) / "data_report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, report)
    console.print(f"report {path}", highlight=False, markup=False, soft_wrap=True)
