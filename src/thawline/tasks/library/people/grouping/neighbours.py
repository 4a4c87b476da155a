"""The nearest faces of each face, exactly or by cells, the same for the same faces in the same order."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import faiss
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]

EXACT = 25_000  # vectors up to which every pair is compared
_CELLS = 4  # as many cells as this, times the root of the number of vectors
_TRAINED_ON = 39  # vectors that a cell's centre is learnt from; with fewer faiss complains
_PROBED = 16  # cells that are looked through for a face
_BLOCK = 4096


def nearest(units: Floats, count: int) -> tuple[Ints, Floats]:
    """The `count` nearest other vectors of each of `units` [n, d], of length 1.

    Up to `EXACT` vectors all pairs are compared; beyond that those in the nearest of k-means' cells, so that the time
    for each hardly grows with their number.

    Returns:
        Their places [n, k] and cosines [n, k], the most alike first; a place is -1 where there are fewer.
    """
    number = len(units)
    k = max(0, min(count, number - 1))
    if not k:
        return np.empty((number, 0), np.int64), np.empty((number, 0), np.float32)
    index = _index(units)
    places, cosines = np.full((number, k), -1, np.int64), np.zeros((number, k), np.float32)
    for start in range(0, number, _BLOCK):
        found = slice(start, start + _BLOCK)
        near, found_places = index.search(units[found], k + 1)
        places[found], cosines[found] = _others(np.arange(start, start + len(near)), found_places, near, k)
    return places, cosines


def _others(own: Ints, places: Ints, cosines: Floats, k: int) -> tuple[Ints, Floats]:
    """Each row less the vector itself, which copies of it may have pushed out; ties by place."""
    cosines = np.where((places == own[:, None]) | (places < 0), -np.inf, cosines)
    order = np.lexsort((places, -cosines), axis=1)[:, :k]
    cosines, places = np.take_along_axis(cosines, order, 1), np.take_along_axis(places, order, 1)
    there = np.isfinite(cosines)
    return np.where(there, places, -1), np.where(there, cosines, 0).astype(np.float32)


def _index(units: Floats) -> faiss.Index:
    number, width = units.shape
    flat = faiss.IndexFlatIP(width)
    if number <= EXACT:
        flat.add(units)
        return flat
    cells = int(_CELLS * number**0.5)
    index = faiss.IndexIVFFlat(flat, width, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = 0, 6, _TRAINED_ON
    index.nprobe = _PROBED
    index.train(units)
    index.add(units)
    return index


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Faiss within the block on `count` threads."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
