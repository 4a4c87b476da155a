"""A version as plain JSON, for `--json`."""

from typing import Any

from thawline.versions.schema import ModelVersion


def facts_of(version: ModelVersion) -> dict[str, Any]:
    """What its row in the database says of it."""
    return {
        "number": version.number,
        "type": version.type,
        "made": version.created_at,
        "samples": version.samples,
        "metrics": version.metrics,
        "active": version.is_active,
        "stale_since": version.stale_since,
        "pruned_at": version.pruned_at,
    }
