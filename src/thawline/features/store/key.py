"""What decides a feature besides the sample's bytes: the key of a shelf."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from thawline.files import JSON

# Counts changes of our own code that move features or the files of a shelf.
SHELF_FORMAT = 2


def shelf_key(
    encoder: Mapping[str, JSON],
    pixels: Mapping[str, JSON] | None,
    *,
    cut: int,
    dtype: str,
    device: str,
    view: int = 0,
    augmentation: Mapping[str, JSON] | None = None,
) -> dict[str, JSON]:
    """The key of the shelf that holds an encoder's features at one cut.

    Args:
        encoder: What the encoder says of its frozen part, `Encoder.key(cut)`.
        pixels: `Preprocessing.pixel_key()`; None for text.
        cut: The border at which the features cross.
        dtype: Data type that floating-point features are stored in: "float32", "float16" or "bfloat16".
        device: Kind of device that computes them, `torch.device.type`.
        view: Number of the augmented view; 0 is the plain one.
        augmentation: What augments views 1, 2, ...; left out of the key of view 0.
    """
    computed = cut > 0  # below the first stage nothing is computed: decoded pixels are the same on every device
    return {
        "format": SHELF_FORMAT,
        "encoder": dict(encoder),
        "pixels": None if pixels is None else dict(pixels),
        "cut": cut,
        "view": view,
        "augmentation": dict(augmentation) if view and augmentation else None,
        "dtype": dtype if computed else None,
        "device": device if computed else None,
    }


def canonical(key: Mapping[str, JSON]) -> str:
    """One text for equal keys."""
    return json.dumps(key, sort_keys=True, separators=(",", ":"), allow_nan=False)


def shelf_id(key: Mapping[str, JSON]) -> str:
    """The name of the shelf of this key: sha256, hex."""
    return hashlib.sha256(canonical(key).encode()).hexdigest()


def text_digest(text: str) -> str:
    """What stands for a text in the store: sha256 of its UTF-8, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
