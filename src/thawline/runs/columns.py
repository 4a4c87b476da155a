"""Arrow's columns of what NumPy and Python hold, made without pandas.

pyarrow's own way to make them imports pandas, where it is installed, to see whether it was given something of it: a
fifth of the time that PyTorch takes.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers(values: NDArray[np.generic]) -> pa.Array:
    """A column of `values` [N], whole numbers or floats."""
    kept = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(kept.dtype), len(kept), [None, pa.py_buffer(kept)])


def texts(values: Sequence[str] | NDArray[np.object_]) -> pa.Array:
    """A column of texts, together below 2 GB."""
    encoded = [value.encode() for value in values]
    ends = _ends([len(value) for value in encoded])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def lists_of_texts(rows: Sequence[Sequence[str]]) -> pa.Array:
    """A column of lists of texts."""
    return pa.ListArray.from_arrays(
        numbers(_ends([len(row) for row in rows])), texts([one for row in rows for one in row])
    )


def _ends(lengths: Sequence[int]) -> NDArray[np.int32]:
    """Where each thing of `lengths` begins in what holds them all, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)
