"""What a run left that finished."""

from pathlib import Path
from typing import Any

from thawline.errors import UserError
from thawline.runs.directory import read_status
from thawline.runs.predictions import PREDICTIONS_FILE, Predictions, read_predictions
from thawline.runs.reading import read_record

METRICS_FILE = "metrics.json"
CORRECTIONS_FILE = "corrections.csv"  # the table of corrected labels that a run went by, as it was
SAMPLES = "samples"  # what a run judged, where it does not say whether these are photos, pairs or tracks


def finished_run(path: Path) -> tuple[Predictions, dict[str, Any]]:
    """The predictions of a finished run and what `metrics.json` says of it.

    Raises:
        UserError: `path` holds no run that finished.
    """
    status = read_status(path)
    if status["status"] != "finished":
        raise UserError(f"the run {path} is {status['status']} ({status['reason'] or 'not yet done'}), not finished")
    return read_predictions(path / PREDICTIONS_FILE), read_record(path / METRICS_FILE)
