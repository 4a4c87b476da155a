"""Tags as numbers: which entry has which."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.entries.entry import key_of

Matrix: TypeAlias = Any  # a scipy.sparse.csr_array; its stubs know no sums and products

MOST_TAGS: Final = 5000  # that patterns are learnt of: the most frequent

MOST_OF_ENTRY: Final = 50  # of its tags, the most frequent, are paired: pairs grow with the square


@dataclass(frozen=True)
class Tags:
    """The tags of a library.

    Attributes:
        names: The most frequent first, each in the spelling that comes up most.
        counts: [t] how many entries have each.
        has: [n, t] 1 where an entry has a tag.
    """

    names: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    has: Matrix

    @property
    def frequent(self) -> "Tags":
        """The most frequent alone, as many as patterns are learnt of."""
        return self if len(self.names) <= MOST_TAGS else self._first(MOST_TAGS)

    def _first(self, most: int) -> "Tags":
        return Tags(self.names[:most], self.counts[:most], sparse.csr_array(self.has[:, :most]))


def number_tags(rows: Iterable[Sequence[str]]) -> Tags:
    """Number the tags of entries; `rows` are those of each entry, none twice but for its case."""
    numbers: dict[str, int] = {}
    spellings: list[Counter[str]] = []
    known: dict[str, int] = {}  # by spelling
    flat: list[int] = []
    ends = [0]
    for row in rows:
        for tag in row:
            number = known.get(tag)
            if number is None:
                number = known[tag] = numbers.setdefault(key_of(tag), len(numbers))
                if number == len(spellings):
                    spellings.append(Counter())
            spellings[number][tag] += 1
            flat.append(number)
        ends.append(len(flat))
    columns = np.array(flat, np.int32)
    counts = np.bincount(columns, minlength=len(numbers))
    names = [min(spelt, key=lambda tag: (-spelt[tag], tag)) for spelt in spellings]
    order = sorted(range(len(names)), key=lambda number: (-counts[number], names[number]))
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    shape = (len(ends) - 1, len(names))
    has = sparse.csr_array((np.ones(len(flat), np.int32), place[columns], np.array(ends, np.int64)), shape=shape)
    has.sort_indices()
    return Tags(tuple(names[number] for number in order), counts[order], has)


def thinned(has: Matrix) -> Matrix:
    """The most frequent tags of each entry alone: since tags are numbered by frequency, its first ones."""
    sizes = np.diff(has.indptr)
    if not len(sizes) or sizes.max() <= MOST_OF_ENTRY:
        return has
    within = np.arange(has.nnz) - np.repeat(has.indptr[:-1], sizes)
    kept = within < MOST_OF_ENTRY
    ends = np.concatenate([[0], np.cumsum(np.minimum(sizes, MOST_OF_ENTRY))])
    return sparse.csr_array((has.data[kept], has.indices[kept], ends), shape=has.shape)
