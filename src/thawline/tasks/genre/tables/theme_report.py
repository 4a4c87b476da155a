"""What the report of a collection says of themes."""

from collections import Counter
from typing import Any

from thawline.data.tracks.collection import TrackCollection
from thawline.tasks.genre.tables.themes import vocabulary


def with_themes(report: dict[str, Any], collection: TrackCollection) -> dict[str, Any]:
    """The report of a collection with what is told of themes; as it is where none are."""
    told = [track.themes for track in collection.tracks]
    if not any(told):
        return report
    known = vocabulary()
    unknown = Counter(name for names in told for name in names if known.theme_of(name) is None)
    silent = {label for track in collection.tracks for label in track.labels} - {
        label for track in collection.tracks if known.among(track.themes) for label in track.labels
    }
    counts = Counter(theme for names in told for theme in known.among(names))
    report["themes"] = {
        "tracks": sum(bool(known.among(names)) for names in told),
        "counts": {name: counts[name] for name in known.names if name in counts},
        "unknown": dict(sorted(unknown.items())),
    }
    if counts and silent:
        report["warnings"].append(
            f"No track of {', '.join(map(repr, sorted(silent)))} has a theme, so that a track has one gives the class "
            "away; tell the themes of all classes, or use data.themes=[]."
        )
    return report
