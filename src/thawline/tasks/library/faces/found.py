"""What was found in one photo."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOKS = ("left", "top", "right", "bottom", "quality", "score", "sharpness")


@dataclass(frozen=True)
class DetectedFaces:
    """The faces of a photo.

    Attributes:
        encodings: [f, d].
        looks: [f, 7] of each what `LOOKS` names: its box in px of the upright photo, right and bottom exclusive; how
            far the encoding can be relied on, 0 to 1; how sure the detector was, on a scale of its own; how sharp it
            is.
    """

    encodings: NDArray[np.float32]
    looks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.encodings)


def no_looks(number: int) -> NDArray[np.float32]:
    """[number, 7] looks of faces that came as encodings: nobody knows."""
    return np.full((number, len(LOOKS)), np.nan, np.float32)
