"""How often two terms come up of one entry and in one part of it, and how alike their neighbours are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.search.said import TAG, Said

Matrix = npt.NDArray[np.float32]

MOST: Final = 3000  # terms that are looked at, the most frequent: pairs grow with the square
FEWEST: Final = 4  # entries of a term that is looked at
MOST_ENTRIES: Final = 50_000  # that are looked at
_WINDOW = 3  # terms to either side that are a term's neighbours
_WIDTH = 60  # of what neighbours are reduced to
_SMOOTH = 0.75  # of frequent neighbours the weight is raised less (Levy, Goldberg and Dagan 2015)


@dataclass(frozen=True)
class Bonds:
    """Counts of the more frequent terms.

    Attributes:
        terms: [k] their numbers.
        entries: How many were looked at.
        counts: [k] entries of each.
        both: [k, k] entries that two come up of.
        apart: [k, k] of these, those of which no part has both.
        alike: [k, k] cosine of what stands beside them: 1 minus its distance.
    """

    terms: npt.NDArray[np.int64]
    entries: int
    counts: npt.NDArray[np.float64]
    both: Matrix
    apart: Matrix
    alike: Matrix

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """[k, k] entries that two would come up of by chance."""
        chance: npt.NDArray[np.float64] = np.outer(self.counts, self.counts) / max(self.entries, 1)
        return chance


def count_bonds(said: Said) -> Bonds:
    """Count the bonds of the terms of what is said; of many entries each so and so manieth is looked at."""
    step = -(-said.entries // MOST_ENTRIES)
    if step > 1:
        said = said.only(said.rows % step == 0)
    rows, parts = np.unique(said.rows, return_inverse=True)[1], np.unique(said.parts, return_inverse=True)[1]
    entries = -(-said.entries // step) if step else 0
    frequency = np.bincount(np.unique(np.stack([said.terms, rows]), axis=1)[0], minlength=len(said.stems))
    terms = np.sort(np.argsort(-frequency, kind="stable")[:MOST])
    terms = terms[frequency[terms] >= FEWEST]
    place = np.full(len(said.stems), -1)
    place[terms] = np.arange(len(terms))
    of = place[said.terms]
    kept = of >= 0
    size = len(terms)
    in_entry = _present(rows[kept], of[kept], size)
    in_part = _present(parts[kept], of[kept], size)
    both = (in_entry.T @ in_entry).toarray()
    one_part = (in_part.T @ in_part).toarray()
    np.fill_diagonal(both, 0)
    return Bonds(
        terms,
        entries,
        frequency[terms].astype(np.float64),
        both,
        np.maximum(both - one_part, 0),
        _alike(of, parts, said.kinds != TAG, size),
    )


def _present(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], size: int) -> Any:
    """[rows, terms] 1 where a term comes up."""
    shape = (int(rows.max(initial=-1)) + 1, size)
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _alike(
    of: npt.NDArray[np.int64], parts: npt.NDArray[np.int64], running: npt.NDArray[np.bool_], size: int
) -> Matrix:
    """[k, k] how alike terms' neighbours in running text are: the cosine of their reduced positive PMI.

    Args:
        of: [m] the place of each term among the frequent ones; -1: it is none.
        parts: [m] the sentence of each.
        running: [m] whether it stands in a sentence, rather than among tags.
        size: k.
    """
    if size < 2:
        return np.eye(size, dtype=np.float32)
    of, parts = of[running], parts[running]
    beside = sparse.csr_array((size, size), dtype=np.float64)
    for step in range(1, _WINDOW + 1):
        near = (parts[step:] == parts[:-step]) & (of[step:] >= 0) & (of[:-step] >= 0)
        ones = np.ones(int(near.sum()))
        beside = beside + sparse.csr_array((ones, (of[:-step][near], of[step:][near])), shape=(size, size))
    pairs: Any = sparse.coo_array(beside + beside.T)
    if not pairs.nnz:
        return np.eye(size, dtype=np.float32)
    own = np.asarray(pairs.sum(axis=1), np.float64).ravel()
    smooth = own**_SMOOTH
    row, column = pairs.coords
    information = np.log(pairs.data * smooth.sum() / (own[row] * smooth[column]))
    kept = information > 0
    positive = sparse.csr_array((information[kept], (row[kept], column[kept])), shape=(size, size))
    from sklearn.utils.extmath import randomized_svd  # late: a second

    left, weights, _ = randomized_svd(positive, min(_WIDTH, size - 1), random_state=0)
    vectors = left * np.sqrt(weights)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    alike: Matrix = (vectors @ vectors.T).astype(np.float32)
    return alike
