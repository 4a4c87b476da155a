"""What a collection of tracks holds, before anything is trained."""

from typing import Any

from rich.console import Console

from thawline.data.tracks.report import print_track_report
from thawline.features.facts import find_facts
from thawline.features.media import Tracks
from thawline.features.store.store import FeatureStore
from thawline.tasks.genre.listed import list_task, report_tracks
from thawline.tasks.genre.settings import TracksSettings
from thawline.tasks.settings import CheckSettings


def check_genre(settings: CheckSettings, console: Console) -> dict[str, Any]:
    """Show classes, counts, durations, groups, near-duplicate recordings, broken files.

    Raises:
        UserError: There are no usable tracks of two classes.
    """
    assert isinstance(settings.data, TracksSettings)  # noqa: S101  # conf/task/genre.yaml says so
    listing = list_task(settings.data)
    facts = find_facts(listing.tracks, FeatureStore(settings.store.root), Tracks())
    report = report_tracks(listing, facts, settings.data)
    print_track_report(report, console)
    return report
