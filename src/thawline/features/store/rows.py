"""Features as raw rows in files: to bytes, and back through memory maps."""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from thawline.errors import UserError

if TYPE_CHECKING:
    import torch

    from thawline.encoders.encoder import Features

Array = NDArray[Any]

# How each data type lies on disk. NumPy has no bfloat16: its bits are kept as they are.
ON_DISK = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "|i1",
    "uint8": "|u1",
    "bool": "|b1",
}
_AT_ONCE = 2**24  # bytes of a column that are read before the pages they lay on are given back


@dataclass(frozen=True)
class Column:
    """One named tensor of a shelf.

    Attributes:
        name: Of the tensor that crosses the cut.
        file: Where its rows lie, beside the index.
        dtype: PyTorch's name of the data type, a key of `ON_DISK`.
        shape: Of one sample.
    """

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Bytes of one sample."""
        return prod(self.shape) * np.dtype(ON_DISK[self.dtype]).itemsize

    def map(self, folder: Path, rows: int) -> Mapped:
        """The first `rows` rows, read-only."""
        kind = ON_DISK[self.dtype]
        if rows == 0:  # an empty file cannot be mapped
            return Mapped(None, np.empty((0, *self.shape), kind))
        with (folder / self.file).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), rows * self.row_bytes, access=mmap.ACCESS_READ)
        return Mapped(mapped, np.frombuffer(mapped, kind).reshape(rows, *self.shape))


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows of a file that is mapped, [rows, *shape]; another process gets a copy of them."""

    file: mmap.mmap | None
    rows: Array

    def __reduce__(self) -> tuple[type[Mapped], tuple[None, Array]]:
        """What another process gets: it may not see the file."""
        return Mapped, (None, self.rows)

    def __getitem__(self, positions: NDArray[np.int64]) -> Array:
        """A copy of the rows `positions`. Of many in the order of the file, no more than a part is in memory twice."""
        step = max(1, _AT_ONCE // max(1, self.rows[:1].nbytes))
        if len(positions) <= step:
            return self.rows[positions]
        copy = np.empty((len(positions), *self.rows.shape[1:]), self.rows.dtype)
        for start in range(0, len(positions), step):
            part = slice(start, start + step)
            # "clip" changes nothing, all rows being there, but copies each once; "raise" copies them twice.
            np.take(self.rows, positions[part], axis=0, out=copy[part], mode="clip")
            self.give_back()
        return copy

    def give_back(self) -> None:
        """Let the system have the memory of what was read; it is read again, mostly from the system's own copy."""
        if self.file is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.file.madvise(mmap.MADV_DONTNEED)


class RowLocation(NamedTuple):
    """Where a sample's features lie, and the checksum of that row.

    A row's checksum is the XXH3 of what the columns of its shelf are, the sample's digest, and the row's bytes in
    each column in turn: what leads to the row of another sample, or reads it as something else, is noticed like a
    change of the row.
    """

    row: int
    checksum: int


class Rows:
    """The stored features of some samples, in the order they were asked for.

    Reads from memory maps: nothing is loaded before it is used, and the features stay readable if the shelf is pruned.
    """

    def __init__(
        self, folder: Path, columns: Sequence[Column], digests: Sequence[str], places: Sequence[RowLocation]
    ) -> None:
        """Map the files.

        Args:
            folder: The shelf's.
            columns: Sorted by name.
            digests: Of the samples, [N].
            places: Theirs, [N].
        """
        self._positions = np.fromiter((place.row for place in places), np.int64, len(places))
        self._digests = digests
        self._expected = [place.checksum for place in places]
        rows = int(self._positions.max()) + 1 if len(places) else 0
        self._columns = {column.name: column for column in columns}
        self._maps = {column.name: column.map(folder, rows) for column in columns}

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, indices: slice | Sequence[int] | NDArray[np.int64]) -> Features:
        """Copies of the features of the samples `indices`, batch first, in the stored data type; `rows[:]` is all."""
        positions = self._positions[indices]
        return {name: _decode(mapped[positions], self._columns[name].dtype) for name, mapped in self._maps.items()}

    def of(self, indices: Sequence[int]) -> Rows:
        """The features of the samples `indices` alone, from the same maps."""
        some = copy(self)
        some._positions = self._positions[list(indices)]
        some._digests = [self._digests[i] for i in indices]
        some._expected = [self._expected[i] for i in indices]
        return some

    def changed(self) -> list[str]:
        """The samples whose bytes are not what was written, each once."""
        flat = [mapped.rows.reshape(-1).view(np.uint8).data for mapped in self._maps.values()]
        parts = list(zip(flat, [column.row_bytes for column in self._columns.values()], strict=True))
        seal = seal_of(list(self._columns.values()))
        changed: dict[str, None] = {}
        order = np.argsort(self._positions, kind="stable")  # as they lie on disk
        step = max(1, _AT_ONCE // max(1, sum(size for _, size in parts)))
        for start in range(0, len(order), step):
            for i in order[start : start + step].tolist():
                row = int(self._positions[i])
                row_parts = [all_[row * size : (row + 1) * size] for all_, size in parts]
                if _row_checksum(seal, self._digests[i], row_parts) != self._expected[i]:
                    changed[self._digests[i]] = None
            for mapped in self._maps.values():
                mapped.give_back()
        return list(changed)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one sample of each tensor."""
        return {name: column.shape for name, column in self._columns.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of all samples together."""
        return len(self) * sum(column.row_bytes for column in self._columns.values())


def encode(features: Features, dtype: str | None) -> dict[str, tuple[str, Array]]:
    """Features as they lie on disk: name -> data type and array, batch first; sorted by name.

    Args:
        features: Named tensors, batch first.
        dtype: What floating-point tensors are stored in, a key of `ON_DISK`; None: as they are.

    Raises:
        UserError: Not a number, or a value too large for `dtype`.
    """
    return {name: _encode(name, tensor.detach(), dtype) for name, tensor in sorted(features.items())}


def _encode(name: str, tensor: torch.Tensor, dtype: str | None) -> tuple[str, Array]:
    import torch  # late: who asks what is known of files has no features

    stored = tensor.to(getattr(torch, dtype)) if dtype and tensor.is_floating_point() else tensor
    if stored.is_floating_point():
        if stored.isnan().any():
            raise UserError(f"the frozen network gives '{name}' that is not a number; are its weights broken?")
        if (stored.isinf() & ~tensor.isinf()).any():
            raise UserError(f"the frozen network gives '{name}' too large for {dtype}; set store.dtype=float32")
    kind = str(stored.dtype).removeprefix("torch.")
    bits = stored.view(torch.uint16) if stored.dtype == torch.bfloat16 else stored
    return kind, np.ascontiguousarray(bits.cpu().numpy(), ON_DISK[kind])


def _decode(array: Array, dtype: str) -> torch.Tensor:
    import torch  # late, as above

    return torch.from_numpy(array).view(getattr(torch, dtype))


def row_checksums(columns: Sequence[Column], digests: Sequence[str], arrays: Sequence[Array]) -> list[int]:
    """The checksum of each row, see `RowLocation`; `arrays` are the columns' [rows, ...]."""
    flat = [np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in arrays]
    seal = seal_of(columns)
    return [_row_checksum(seal, digest, [part[i] for part in flat]) for i, digest in enumerate(digests)]


def _row_checksum(seal: int, digest: str, parts: Sequence[Any]) -> int:
    checksum = xxh3_64_intdigest(digest.encode(), seal)
    for part in parts:
        checksum = xxh3_64_intdigest(part, checksum)
    return checksum >> 1  # SQLite's integers have a sign


def columns_as_text(columns: Sequence[Column]) -> list[tuple[str, str, str, str]]:
    """What an index says of columns: name, file, data type, shape."""
    return [(column.name, column.file, column.dtype, json.dumps(column.shape)) for column in columns]


def seal_of(columns: Sequence[Column]) -> int:
    """The checksum of all that is said of the columns of a shelf, sorted by name."""
    return checksum_of(columns_as_text(columns))


def checksum_of(values: Sequence[tuple[Any, ...]]) -> int:
    """XXH3 of plain values, ten times as fast as CRC-32."""
    return xxh3_64_intdigest(repr(values).encode(errors="replace")) >> 1
