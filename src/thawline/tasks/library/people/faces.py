"""Faces of a library's entries as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from thawline.errors import UserError
from thawline.tasks.library.faces.found import LOOKS, no_looks
from thawline.tasks.library.people.grouping.neighbours import Floats, Ints


@dataclass(frozen=True)
class Faces:
    """Faces, each known by its entry and its number there.

    Attributes:
        entries: The id of the entry of each.
        numbers: [n] Which of its entry's faces each is, from 0.
        encodings: [n, d] As given.
        looks: [n, 7] Where each was found in its photo, and how well it is seen, as `faces.found.LOOKS` names it; NaN
            where it came as an encoding. Left out: all did.
    """

    entries: tuple[str, ...]
    numbers: Ints
    encodings: Floats
    looks: Floats = field(default_factory=lambda: no_looks(0))

    def __post_init__(self) -> None:
        if len(self.looks) != len(self.entries):
            object.__setattr__(self, "looks", no_looks(len(self.entries)))

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What each is called where it is spoken of: `ENTRY#NUMBER`."""
        return tuple(f"{entry}#{number}" for entry, number in zip(self.entries, self.numbers.tolist(), strict=True))

    @cached_property
    def lengths(self) -> Floats:
        """[n] The encodings' lengths."""
        return np.asarray(np.linalg.norm(self.encodings.astype(np.float64), axis=1), np.float32)

    @cached_property
    def units(self) -> Floats:
        """[n, d] The encodings, each divided by its length."""
        return np.ascontiguousarray(self.encodings / np.maximum(self.lengths, 1e-12)[:, None], np.float32)

    @property
    def quality(self) -> Floats:
        """[n] How far each encoding can be relied on, 0 to 1; NaN: nobody knows."""
        return self.looks[:, LOOKS.index("quality")]

    @property
    def in_photos(self) -> NDArray[np.bool_]:
        """[n] Which were found in photos."""
        return np.isfinite(self.looks[:, 0])

    def take(self, rows: Ints | NDArray[np.bool_]) -> "Faces":
        """Those of `rows`, in that order."""
        rows = np.arange(len(self))[rows]
        entries = tuple(self.entries[row] for row in rows.tolist())
        return Faces(entries, self.numbers[rows], self.encodings[rows], self.looks[rows])

    def with_keys(self, keys: Sequence[tuple[str, int]]) -> "Faces":
        """The same faces under other names."""
        numbers = np.array([number for _, number in keys], np.int64)
        return Faces(tuple(entry for entry, _ in keys), numbers, self.encodings, self.looks)


NO_FACES = Faces((), np.empty(0, np.int64), np.empty((0, 0), np.float32))


def faces_of(
    entries: Sequence[str],
    encodings: Sequence[Iterable[NDArray[np.floating]]],
    looks: Mapping[str, Floats] = MappingProxyType({}),
) -> Faces:
    """The faces of entries, of each its id and `encodings` [f, d].

    An encoding that has no direction (all numbers 0, or one that is not finite) is no face.

    Args:
        entries: Their ids.
        encodings: Of each the faces.
        looks: Of entries whose faces were found in their photos, [f, 7], see `Faces`.

    Raises:
        UserError: Encodings of two widths can't be compared.
    """
    ids: list[str] = []
    numbers: list[int] = []
    rows: list[NDArray[np.float32]] = []
    for entry, of_one in zip(entries, encodings, strict=True):
        for number, encoding in enumerate(of_one):
            row = np.asarray(encoding, np.float32) + np.float32(0)  # -0 is 0: one face, one digest
            if rows and len(row) != len(rows[0]):
                raise UserError(
                    f"entry {entry} has a face of {len(row)} numbers and entry {ids[0]} one of {len(rows[0])}; "
                    "encodings of two networks can't be compared: use one for all"
                )
            if np.isfinite(row).all() and 1e-6 < np.linalg.norm(row.astype(np.float64)) < 1e9:
                ids.append(entry)
                numbers.append(number)
                rows.append(row)
    if not rows:
        return NO_FACES
    seen = no_looks(len(rows))
    for at, (entry, place) in enumerate(zip(ids, numbers, strict=True)):
        if entry in looks:
            seen[at] = looks[entry][place]
    return Faces(tuple(ids), np.array(numbers, np.int64), np.stack(rows), seen)


def together(before: Faces, added: Faces) -> Faces:
    """`before` and `added`, in the one order that they have however they came.

    A face of `added` counts in the place of one of the same name.

    Raises:
        UserError: They have encodings of two widths.
    """
    if len(before) and len(added) and before.encodings.shape[1] != added.encodings.shape[1]:
        raise UserError(
            f"the faces have {added.encodings.shape[1]} numbers, and those learnt before "
            f"{before.encodings.shape[1]}; use the network of before, or another out="
        )
    new = set(added.keys)
    kept = before.take(np.array([key not in new for key in before.keys], np.bool_))
    parts = [part for part in (kept, added) if len(part)]
    if not parts:
        return NO_FACES
    joined = Faces(
        kept.entries + added.entries if len(parts) == 2 else parts[0].entries,
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.encodings for part in parts]),
        np.concatenate([part.looks for part in parts]),
    )
    order = sorted(range(len(joined)), key=lambda row: (joined.entries[row], joined.numbers[row]))
    return joined.take(np.array(order, np.int64))
