"""Inputs with their outputs, by which a bundle shows that it still computes what it did when it was written."""

import hashlib

import numpy as np
import torch

COUNT = 4
_BLOCK = 8  # px
RECIPE = (
    f"uint8 [{COUNT}, 3, size, size] before normalisation: image i is made of blocks of {_BLOCK} px whose values, "
    "channel by channel and row by row, are the bytes of SHAKE-128 of 'thawline golden i'"
)


def golden_pixels(size: int) -> torch.Tensor:
    """The inputs that anyone can make again, uint8 [4, 3, size, size]; see `RECIPE`."""
    across = -(-size // _BLOCK)
    images = []
    for number in range(COUNT):
        stream = hashlib.shake_128(f"thawline golden {number}".encode()).digest(3 * across * across)
        blocks = np.frombuffer(stream, dtype=np.uint8).reshape(3, across, across)
        images.append(blocks.repeat(_BLOCK, axis=1).repeat(_BLOCK, axis=2)[:, :size, :size])
    return torch.from_numpy(np.stack(images))
