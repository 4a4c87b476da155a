"""Classes that people said in place of a model's, a row each in `corrections.csv`."""

import csv
import io
import os
import threading
from datetime import datetime
from pathlib import Path

from thawline.versions.schema import ClassificationResult

COLUMNS = ("result_id", "name", "sha256", "said", "score", "label", "at")
_lock = threading.Lock()


def append_correction(path: Path, result: ClassificationResult, label: str, at: datetime) -> None:
    """Note that the file of `result` is of the class `label`; the row is on the disk when this returns."""
    row = (result.id, result.name, result.digest, result.label, f"{result.score:.6f}", label, at.isoformat())
    with _lock, path.open("ab") as file:
        text = _line(row)
        if file.tell() == 0:
            text = _line(COLUMNS) + text
        elif not _ends_whole(path):  # a kill left half a row
            text = "\n" + text
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _line(row: tuple[str, ...]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(
        [cell.encode("utf-8", "backslashreplace").decode() for cell in row]
    )
    return written.getvalue()


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
