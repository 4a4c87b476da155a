"""Faces of people that tests make."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.library.people.faces import Faces, faces_of


def encodings_of(
    counts: Sequence[int], *, seed: int = 0, width: int = 32, noise: float = 0.35
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit encodings of people with so many faces each, and whose they are."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(counts), width)) / np.sqrt(width)
    who = np.repeat(np.arange(len(counts)), counts)
    rows = centres[who] + noise * random.normal(size=(len(who), width)) / np.sqrt(width)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), who


def one_each(encodings: NDArray[np.float32], first: int = 0) -> Faces:
    """The faces of entries with one face each."""
    return faces_of([f"e{first + row:04d}" for row in range(len(encodings))], [row[None] for row in encodings])
