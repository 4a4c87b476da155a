"""Reads offline W&B runs back by W&B's own tool, and makes a photo that says more than it should."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from wandb.util import get_core_path

_POLLS, _PAUSE = 15, 0.2  # s; of what was killed, or still runs, there is no end


@dataclass
class OfflineRun:
    """What the records of one offline W&B run say; `history` and `summary` without W&B's own fields.

    `charts` are W&B's own charts, by name, as the run's page draws them.
    """

    folder: Path
    about: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    charts: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    preempting: bool = False


def read_offline_runs(directory):
    """The offline runs in a run directory, in the order of their start; a killed one may have no file yet.

    A run that ends does not wait until wandb-core has written its last records, so here it is waited for its end.
    """
    for _ in range(_POLLS):
        runs = [_read(path) for path in directory.glob("wandb/offline-run-*/run-*.wandb")]
        if all(run.exit_code is not None for run in runs):
            break
        time.sleep(_PAUSE)
    # By the second that a folder's name states: the file of a killed run may hold no start, nor anything else.
    return sorted(runs, key=lambda run: (run.folder.name.split("-")[2], run.about.get("start_time", "")))


def _read(path):
    folder = path.parent
    # What `wandb leet inspect --json PATH` runs, without the second that it takes to import the rest of W&B.
    about = ["--no-observability", "--json", "--run-file", path, folder.parent]
    command = [get_core_path(), "leet", "inspect", *about]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    run = OfflineRun(folder)
    for record in map(json.loads, lines):
        body = record[record["type"]]
        match record["type"]:
            case "run":
                run.about = body
                run.config = _own(body["config"]["update"])
            case "config":
                charts = {k: v for k, v in body["update"].items() if k.startswith("_wandb.visualize.")}
                run.charts |= {key.rpartition(".")[2]: chart for key, chart in charts.items()}
            case "preempting":
                run.preempting = True
            case "history":
                run.history.append(_own(body["item"]))
            case "summary":
                run.summary |= _own(body["update"])
            case "exit":
                run.exit_code = body.get("exit_code", 0)
    return run


def _own(fields):
    return {key: value for key, value in fields.items() if not key.startswith("_")}


def write_telling_photo(path):
    """A photo on its side, 800 by 400 pixels as stored, whose EXIF says where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Secretcam"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (46.0, 57.0, 12.0)
    Image.linear_gradient("L").resize((800, 400)).convert("RGB").save(path, exif=exif, comment=b"Secretcam")
    assert b"Secretcam" in path.read_bytes()
    return path
