"""Inputs with their outputs, by which a bundle shows that it still computes what it did when it was written."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.bundles.network import Classifier

COUNT = 4
_BLOCK = 8  # px
_RECIPE = (
    f"uint8 [{COUNT}, 3, size, size] before normalisation: image i is made of blocks of {_BLOCK} px whose values, "
    "channel by channel and row by row, are the bytes of SHAKE-128 of 'thawline golden i'"
)


@dataclass(frozen=True)
class GoldenPhoto:
    """A photo of the run's own: its digest, not its name or its pixels, which are private.

    Attributes:
        sha256: Of the file's bytes, hex.
        probabilities: What the bundle says of it, by class.
    """

    sha256: str
    probabilities: list[float]


def golden_pixels(size: int) -> torch.Tensor:
    """The inputs that anyone can make again, uint8 [4, 3, size, size]; see `_RECIPE`."""
    across = -(-size // _BLOCK)
    images = []
    for number in range(COUNT):
        stream = hashlib.shake_128(f"thawline golden {number}".encode()).digest(3 * across * across)
        blocks = np.frombuffer(stream, dtype=np.uint8).reshape(3, across, across)
        images.append(blocks.repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)[:, :size, :size])
    return torch.from_numpy(np.stack(images))


def golden_json(size: int, logits: NDArray[np.float32], photos: Sequence[GoldenPhoto]) -> dict[str, Any]:
    """What `golden.json` holds."""
    return {
        "made": {"recipe": _RECIPE, "size": size, "logits": logits.tolist()},
        "photos": [asdict(photo) for photo in photos],
    }


def golden_distance(classifier: Classifier, golden: dict[str, Any]) -> float:
    """By how much the logits of the inputs that were made differ from those that `golden` holds, at most."""
    wanted = np.array(golden["made"]["logits"], dtype=np.float32)
    return float(np.abs(classifier.logits(golden_pixels(int(golden["made"]["size"]))) - wanted).max())
