"""Detectors that ultralytics runs (AGPL-3.0): `.onnx` and `.pt` files.

Its import writes settings, asks for names on the network, sets environment variables of libraries and replaces
functions of PyTorch. So it is imported in a process of its own, told before that it is offline and may install nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thawline.errors import UnusableError, UserError
from thawline.features.detection.detector import DetectorInput, person_among, picture_of, without_person
from thawline.features.detection.settings import LEAST
from thawline.features.passes.helping import HelpingProcesses
from thawline.files import JSON, digest_of

VERSION = 1  # to be raised when the same photo gives other numbers
SUFFIXES = (".onnx", ".pt")


class UltralyticsDetector:
    """A file of weights, run on the CPU."""

    device = "cpu"

    def __init__(self, name: str) -> None:
        """Take the file `name`, which is not opened yet."""
        self._name = name
        self._path = Path(name).expanduser().absolute()

    def key(self) -> dict[str, JSON]:
        """See `Detector`."""
        if not self._path.is_file():
            raise UserError(f"there is no file {self._name}, and none is fetched; put it there or mend people.detector")
        if find_spec("ultralytics") is None:
            raise UserError(
                f"people.detector={self._name} needs ultralytics (AGPL-3.0), not installed; run: pip install "
                "'thawline[people]'"
            )
        onnx = self._path.suffix.lower() == ".onnx"
        if onnx and find_spec("onnxruntime") is None:
            raise UserError(
                f"people.detector={self._name} needs onnxruntime, not installed; run: pip install 'thawline[onnx]'"
            )
        libraries = ("ultralytics", "onnxruntime" if onnx else "torch", "pillow")
        return {
            "family": "ultralytics",
            "weights": digest_of(self._path),
            "versions": {**{name: version(name) for name in libraries}, "thawline": VERSION},
        }

    def look(self, photos: Sequence[DetectorInput]) -> Iterator[float | str]:
        """See `Detector`."""
        with tempfile.TemporaryDirectory(prefix="thawline-") as folder:
            ended = (
                f"the process that ran people.detector={self._name} was ended by the system, for want of memory perhaps"
            )
            pool = HelpingProcesses(
                1, multiprocessing.get_context("spawn"), f"{ended}; try again", partial(_switch_off, folder)
            )
            try:
                yield from pool.map(_look, photos, [(self._name, self._path)] * len(photos))
            finally:
                pool.shutdown(cancel_futures=True)


def _switch_off(folder: str) -> None:
    """Before its import: what ultralytics would fetch, install, send and write elsewhere."""
    os.environ.update(
        YOLO_OFFLINE="true",  # no updates, weights, fonts or statistics
        YOLO_AUTOINSTALL="false",
        YOLO_CONFIG_DIR=folder,
        MPLCONFIGDIR=folder,
        YOLO_VERBOSE="false",
        ULTRALYTICS_SAFE_LOAD="true",  # a .pt file is a pickle; none but its own classes are made of one
    )
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))  # it would set 1


def _look(photo: DetectorInput, detector: tuple[str, Path]) -> float | str:
    try:
        picture = picture_of(photo)
    except UnusableError as error:
        return str(error)
    model, person = _loaded(*detector)
    [found] = model.predict(picture, conf=LEAST, classes=[person], device="cpu", verbose=False, save=False)
    return max(map(float, found.boxes.conf), default=0.0)


@cache
def _loaded(name: str, path: Path) -> tuple[Any, int]:
    """The model, and its number for a person."""
    from ultralytics import YOLO, settings  # late: see above

    settings.update({"sync": False})
    try:
        model = YOLO(path, task=None if path.suffix.lower() == ".pt" else _task_of(path), verbose=False)
        task, names = model.task, dict(model.names)
    except Exception as error:  # it raises whatever its libraries do
        raise UserError(f"people.detector={name} can't be loaded: {_first_line(error)}; use a YOLO detector") from error
    if task != "detect":
        raise UserError(f"people.detector={name} is a model of the task '{task}'; use one that detects objects")
    person = person_among(names)
    if person is None:
        raise UserError(without_person(name, names))
    return model, person


def _task_of(path: Path) -> str:
    """What an ONNX file says that it is for; `detect` where it says nothing."""
    import onnxruntime

    return str(onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map.get("task", "detect"))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
