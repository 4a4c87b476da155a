"""Where the files of a data set lie that a run judged; its config names the data set itself."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from thawline.data.datasets.settings import READER
from thawline.files import read_json
from thawline.runs.directory import is_run_directory, read_config

REPORT_FILE = "data_report.json"


def report_of_dataset(run: Path, source: Path) -> Mapping[str, Any] | None:
    """The report of the data that `run` judged, with the folder `root` of their files; None: they are no data set.

    Args:
        run: The run.
        source: The run that it judged again or joined; itself.
    """
    for path in dict.fromkeys((run, source)):
        if is_run_directory(path) and (reader := OmegaConf.select(read_config(path), "data.reader")) is not None:
            if reader != READER:
                return None
            break
    else:
        return None
    for path in dict.fromkeys((run, source)):
        with suppress(OSError, ValueError):  # an ensemble's has none
            report: Mapping[str, Any] = read_json(path / REPORT_FILE)
            return report
    return None
