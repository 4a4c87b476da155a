"""A sweep's directory: a run directory with one directory a trial, named by the trial's number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.files import write_json
from thawline.runs.digests import noted
from thawline.runs.directory import STATUS_FILE, SWEEP_FILE, read_status_file
from thawline.runs.predictions import Predictions, read_predictions
from thawline.runs.reading import read_record
from thawline.runs.secrets import saved_word

TRIAL_FILE, INNER_FILE = "trial.json", "inner.parquet"


@dataclass(frozen=True)
class Trial:
    """One trial, finished or not.

    Attributes:
        number: Its number, which is its directory's name.
        path: Its directory.
        overrides: The settings that the command line gave it; none where it did not come so far.
        status: `finished`, `failed`, `pruned`, `interrupted`, `running`, or `absent` where it left nothing.
        reason: Why it is not finished.
        again: Whether it failed for want of disk or memory, so that it is run again when the sweep goes on.
        facts: What its `metrics.json` says; nothing where it is not finished.
    """

    number: int
    path: Path
    overrides: tuple[str, ...]
    status: str
    reason: str | None
    again: bool
    facts: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do for it."""
        return self.status in ("finished", "pruned") or (self.status == "failed" and not self.again)

    def inner(self) -> Predictions:
        """What it said of the inner samples."""
        return read_predictions(self.path / INNER_FILE)


def write_overrides(trial: Path, overrides: Sequence[str]) -> None:
    """Keep what the command line gave a trial."""
    write_json(trial / TRIAL_FILE, {"overrides": [saved_word(word) for word in overrides]})


def read_trial(sweep: Path, number: int) -> Trial:
    """What is known of the trial `number`."""
    path = sweep / str(number)
    status: dict[str, Any] = {"status": "absent", "reason": None}
    if (path / STATUS_FILE).exists():
        status = read_status_file(path)
    overrides = read_record(path / TRIAL_FILE)["overrides"] if (path / TRIAL_FILE).exists() else []
    facts = read_record(path / "metrics.json") if status["status"] == "finished" else {}
    again = status.get("again") is True
    return Trial(number, path, tuple(overrides), status["status"], status["reason"], again, facts)


def read_trials(sweep: Path) -> list[Trial]:
    """All trials of which there is a directory, by number."""
    numbers = sorted(int(path.name) for path in sweep.iterdir() if path.is_dir() and path.name.isdigit())
    return [read_trial(sweep, number) for number in numbers]


def write_sweep(path: Path, about: Mapping[str, Any]) -> None:
    """Keep what the sweep in `path` says of itself."""
    with noted(path / SWEEP_FILE):
        write_json(path / SWEEP_FILE, about)


def read_sweep(path: Path, *keys: str) -> dict[str, Any]:
    """What the sweep in `path` says of itself.

    Args:
        path: Its directory.
        keys: What it must say; a sweep that was cut off says less than one that finished.

    Raises:
        UserError: The file is damaged.
    """
    return read_record(path / SWEEP_FILE, *keys)


def is_sweep_directory(path: Path) -> bool:
    """Whether `path` holds a sweep of Thawline."""
    return (path / SWEEP_FILE).is_file()
