"""Features as raw rows in files: to bytes, and back through memory maps."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from thawline.encoders.encoder import Features
from thawline.errors import UserError

Array = NDArray[Any]

# How each data type lies on disk. NumPy has no bfloat16: its bits are kept as they are.
_ON_DISK = {
    torch.float64: "<f8",
    torch.float32: "<f4",
    torch.float16: "<f2",
    torch.bfloat16: "<u2",
    torch.int64: "<i8",
    torch.int32: "<i4",
    torch.int16: "<i2",
    torch.int8: "|i1",
    torch.uint8: "|u1",
    torch.bool: "|b1",
}
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in _ON_DISK}


@dataclass(frozen=True)
class Column:
    """One named tensor of a shelf.

    Attributes:
        name: Of the tensor that crosses the cut.
        file: Where its rows lie, beside the index.
        dtype: A key of `DTYPES`.
        shape: Of one sample.
    """

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Bytes of one sample."""
        return prod(self.shape) * DTYPES[self.dtype].itemsize

    def map(self, folder: Path, rows: int) -> Array:
        """The first `rows` rows as a read-only memory map, [rows, *shape]."""
        if rows == 0:  # an empty file cannot be mapped
            return np.empty((0, *self.shape), _ON_DISK[DTYPES[self.dtype]])
        mapped = np.memmap(folder / self.file, _ON_DISK[DTYPES[self.dtype]], "r", shape=(rows, *self.shape))
        return np.asarray(mapped)  # indexing the subclass costs more


class Rows:
    """The stored features of some samples, in the order they were asked for.

    Reads from memory maps: nothing is loaded before it is used, and the features stay readable if the shelf is pruned.
    """

    def __init__(self, folder: Path, columns: Sequence[Column], positions: NDArray[np.int64]) -> None:
        self._positions = positions
        rows = int(positions.max()) + 1 if len(positions) else 0
        self._columns = {column.name: column for column in columns}
        self._maps = {column.name: column.map(folder, rows) for column in columns}

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, indices: slice | Sequence[int] | NDArray[np.int64]) -> Features:
        """Copies of the features of the samples `indices`, batch first, in the stored data type; `rows[:]` is all."""
        positions = self._positions[indices]
        return {name: _decode(array[positions], self._columns[name].dtype) for name, array in self._maps.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one sample of each tensor."""
        return {name: column.shape for name, column in self._columns.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of all samples together."""
        return len(self) * sum(column.row_bytes for column in self._columns.values())


def encode(features: Features, dtype: torch.dtype | None) -> dict[str, tuple[str, Array]]:
    """Features as they lie on disk: name -> data type and array, batch first; sorted by name.

    Args:
        features: Named tensors, batch first.
        dtype: What floating-point tensors are stored in; None: as they are.

    Raises:
        UserError: Not a number, or a value too large for `dtype`.
    """
    return {name: _encode(name, tensor.detach(), dtype) for name, tensor in sorted(features.items())}


def _encode(name: str, tensor: torch.Tensor, dtype: torch.dtype | None) -> tuple[str, Array]:
    stored = tensor.to(dtype) if dtype and tensor.is_floating_point() else tensor
    if stored.is_floating_point():
        if stored.isnan().any():
            raise UserError(f"The frozen network gives '{name}' that is not a number; are its weights broken?")
        if (stored.isinf() & ~tensor.isinf()).any():
            raise UserError(f"The frozen network gives '{name}' too large for {dtype}; set store.dtype=float32.")
    kind = str(stored.dtype).removeprefix("torch.")
    bits = stored.view(torch.uint16) if stored.dtype == torch.bfloat16 else stored
    return kind, np.ascontiguousarray(bits.cpu().numpy(), _ON_DISK[stored.dtype])


def _decode(array: Array, dtype: str) -> torch.Tensor:
    return torch.from_numpy(array).view(DTYPES[dtype])


def row_checksums(arrays: Sequence[Array]) -> list[int]:
    """CRC-32 of each row's bytes, over all arrays [rows, ...] in turn."""
    if not len(arrays[0]):
        return []
    flat = [np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in arrays]
    checksums = []
    for row in range(len(flat[0])):
        checksum = 0
        for array in flat:
            checksum = zlib.crc32(array[row], checksum)
        checksums.append(checksum)
    return checksums
