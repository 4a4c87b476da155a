"""How often two terms come up of one entry and in one part of it, and how alike their neighbours are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.search.wording.said import TAG, Said

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST: Final = 3000  # terms that are looked at, the most frequent: pairs grow with the square
FEWEST: Final = 4  # entries of a term that is looked at, and of two that have to do with each other
MOST_ENTRIES: Final = 50_000  # that are looked at
_LIFT = 1.5  # entries of two terms must be so many times what they would be by chance
_SURE = 2.5  # standard errors above chance that they must be
_WINDOW = 3  # terms to either side that are a term's neighbours
_WIDTH = 60  # of what neighbours are reduced to
_SMOOTH = 0.75  # of frequent neighbours the weight is raised less (Levy, Goldberg and Dagan 2015)


@dataclass(frozen=True, eq=False)
class Bonds:
    """Counts of the more frequent terms.

    Attributes:
        terms: [k] their numbers.
        counts: [k] entries of each.
        first: [p] with `second` the pairs, each both ways, that come up of one entry more than by chance.
        second: [p] the other of each.
        both: [k, k] sparse: entries that two come up of.
        beside: [k, k] sparse: sentences, or entries' tags, that have both.
        neighbours: [k, d] what stands beside each in sentences, of length 1 or 0.
    """

    terms: Ints
    counts: Floats
    first: Ints
    second: Ints
    both: Any
    beside: Any
    neighbours: Floats

    def entries_of(self, first: Ints, second: Ints) -> Floats:
        """[p] Entries that both of pairs come up of."""
        return _at(self.both, first, second)

    def apart(self, first: Ints, second: Ints) -> Floats:
        """[p] Of these, at least so many have them in different sentences alone, or one in a text and one as a tag."""
        return np.maximum(self.entries_of(first, second) - _at(self.beside, first, second), 0)

    def alike(self, first: Ints, second: Ints) -> Floats:
        """[p] How alike what stands beside both of pairs is: the cosine."""
        cosine: Floats = np.einsum("pd,pd->p", self.neighbours[first], self.neighbours[second])
        return cosine


def count_bonds(said: Said) -> Bonds:
    """Count the bonds of the terms of what is said; of many entries each so and so manieth is looked at."""
    step = max(1, -(-said.entries // MOST_ENTRIES))
    if step > 1:
        said = said.only(said.rows % step == 0)
    rows, parts = np.unique(said.rows, return_inverse=True)[1], np.unique(said.parts, return_inverse=True)[1]
    entries = -(-said.entries // step)
    frequency = np.asarray(_present(rows, said.terms, len(said.stems)).sum(axis=0), np.float64).ravel()
    terms = np.sort(np.argsort(-frequency, kind="stable")[:MOST])
    terms = terms[frequency[terms] >= FEWEST]
    place = np.full(len(said.stems), -1)
    place[terms] = np.arange(len(terms))
    of, size, counts = place[said.terms], len(terms), frequency[terms]
    in_entry, in_part = (_present(where[of >= 0], of[of >= 0], size) for where in (rows, parts))
    both = sparse.csr_array(in_entry.T @ in_entry)
    first, second, seen = _pairs(both)
    chance = counts[first] * counts[second] / max(entries, 1)
    bound = (seen >= FEWEST) & (seen >= _LIFT * chance) & (seen - chance >= _SURE * np.sqrt(chance)) & (first != second)
    beside = sparse.csr_array(in_part.T @ in_part)
    return Bonds(terms, counts, first[bound], second[bound], both, beside, _neighbours(of, parts, said.kinds, size))


def _at(matrix: Any, rows: Ints, columns: Ints) -> Floats:
    """[p] Values of a sparse matrix."""
    return np.asarray(matrix[rows, columns], np.float64).ravel() if len(rows) else np.zeros(0)


def _pairs(matrix: Any) -> tuple[Ints, Ints, Floats]:
    """Rows, columns and values of a sparse matrix, in order."""
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices.astype(np.int64), matrix.data.astype(np.float64)


def _present(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], size: int) -> Any:
    """[rows, terms] 1 where a term comes up."""
    shape = (int(rows.max(initial=-1)) + 1, size)
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _neighbours(of: Ints, parts: Ints, kinds: npt.NDArray[np.int8], size: int) -> Floats:
    """[k, d] What stands beside terms in sentences: their positive PMI with each other, reduced, of length 1 or 0.

    Args:
        of: [m] the place of each term among the frequent ones; -1: it is none.
        parts: [m] the sentence of each.
        kinds: [m] what it is a part of; tags have no order.
        size: k.
    """
    if size < 2:
        return np.zeros((size, 1))
    of, parts = of[kinds != TAG], parts[kinds != TAG]
    near: Any = sparse.csr_array((size, size), dtype=np.float64)
    for step in range(1, _WINDOW + 1):
        here = (parts[step:] == parts[:-step]) & (of[step:] >= 0) & (of[:-step] >= 0)
        ones = np.ones(int(here.sum()))
        near = near + sparse.csr_array((ones, (of[:-step][here], of[step:][here])), shape=(size, size))
    row, column, counts = _pairs(sparse.csr_array(near + near.T))
    if not len(row):
        return np.zeros((size, 1))
    own = np.bincount(row, counts, size)
    smooth = own**_SMOOTH
    information = np.log(counts * smooth.sum() / (own[row] * smooth[column]))
    kept = information > 0
    positive = sparse.csr_array((information[kept], (row[kept], column[kept])), shape=(size, size))
    from sklearn.utils.extmath import randomized_svd  # late: a second

    left, weights, _ = randomized_svd(positive, min(_WIDTH, size - 1), random_state=0)
    vectors: Floats = left * np.sqrt(weights)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)  # rounding has no direction
    return vectors
