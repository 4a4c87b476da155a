"""dlib's detectors and its network of 128 numbers, as `dlib-bin` and `face-recognition-models` have them."""

from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.files import JSON, digest_of
from thawline.tasks.library.faces.found import LOOKS, DetectedFaces

VERSION = 1  # to be raised when the same photo gives other numbers
WIDTH = 128
SAME = 0.6  # the distance within which dlib's network calls two faces one person's
_DETECTOR, _POINTS, _ENCODER = (
    "mmod_human_face_detector.dat",
    "shape_predictor_5_face_landmarks.dat",
    "dlib_face_recognition_resnet_model_v1.dat",
)


def check_installed() -> Path:
    """The folder of the weights.

    Raises:
        UserError: dlib or the weights are not there.
    """
    # Neither is imported here, the package of weights never: it needs what setuptools has no more.
    spec = find_spec("face_recognition_models") if find_spec("dlib") is not None else None
    folder = Path((spec.submodule_search_locations or [""])[0]) / "models" if spec is not None else None
    if folder is None or not all((folder / name).is_file() for name in (_DETECTOR, _POINTS, _ENCODER)):
        raise UserError("faces=dlib needs dlib and its weights, not installed; run: pip install 'thawline[faces]'")
    return folder


class DlibNetwork:
    """Finds faces and encodes them. Not for several threads: dlib holds the interpreter while it encodes."""

    def __init__(self, detector: str, upsample: int) -> None:
        """Take `detector`, `hog` or `cnn`, and look at photos doubled `upsample` times.

        Raises:
            UserError: dlib or the weights are not there.
        """
        self._folder = check_installed()
        self._detector = detector
        self._upsample = upsample

    def key(self) -> dict[str, JSON]:
        """All that decides what is found besides the pixels."""
        used = [_POINTS, _ENCODER, *([_DETECTOR] if self._detector == "cnn" else [])]
        return {
            "family": "dlib_faces",
            "detector": self._detector,
            "upsample": self._upsample,
            "weights": {name: digest_of(self._folder / name) for name in used},
            "versions": {"dlib": version("dlib-bin"), "thawline": VERSION},
        }

    def find(self, rgb: NDArray[np.uint8]) -> DetectedFaces:
        """The faces of a picture [height, width, 3], from left to right; boxes in px of it.

        The quality is 1 where a face and its mirror image have one encoding, 0 where dlib would call them two people's.
        """
        encodings, looks = [], []
        for box, score in sorted(self._detect(rgb), key=lambda found: (found[0].left(), found[0].top(), -found[1])):
            chip = self._dlib.get_face_chip(rgb, self._points(rgb, box), 150)
            face, mirrored = map(np.array, self._encoder.compute_face_descriptor([chip, chip[:, ::-1].copy()]))
            quality = max(0.0, 1 - float(np.linalg.norm(face - mirrored)) / SAME)
            encodings.append(face)
            looks.append([*_within(box, rgb.shape), quality, score, _sharpness(chip)])
        return DetectedFaces(
            np.array(encodings, np.float32).reshape(-1, WIDTH), np.array(looks, np.float32).reshape(-1, len(LOOKS))
        )

    def _detect(self, rgb: NDArray[np.uint8]) -> list[tuple[Any, float]]:
        if self._detector == "hog":
            boxes, scores, _ = self._frontal.run(rgb, self._upsample, 0.0)
            return list(zip(boxes, map(float, scores), strict=True))
        return [(found.rect, float(found.confidence)) for found in self._convolutional(rgb, self._upsample)]

    @cached_property
    def _dlib(self) -> Any:
        import dlib  # late: only who looks for faces needs it

        return dlib

    @cached_property
    def _frontal(self) -> Any:
        return self._dlib.get_frontal_face_detector()

    @cached_property
    def _convolutional(self) -> Any:
        return self._dlib.cnn_face_detection_model_v1(str(self._folder / _DETECTOR))

    @cached_property
    def _points(self) -> Any:
        return self._dlib.shape_predictor(str(self._folder / _POINTS))

    @cached_property
    def _encoder(self) -> Any:
        return self._dlib.face_recognition_model_v1(str(self._folder / _ENCODER))


def _within(box: Any, shape: tuple[int, ...]) -> list[float]:
    """A box's sides, cut off where the picture ends."""
    height, width = shape[:2]
    left, right = np.clip([box.left(), box.right() + 1], 0, width)
    top, bottom = np.clip([box.top(), box.bottom() + 1], 0, height)
    return [float(left), float(top), float(right), float(bottom)]


def _sharpness(chip: NDArray[np.uint8]) -> float:
    """The standard deviation of the Laplacian of a face's grey levels, at one size for all."""
    grey = chip.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * grey[1:-1, 1:-1]).std())
