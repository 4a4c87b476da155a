"""The lexical index: BM25 over stems, by bm25s."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.search.wording.said import Bools, Ints, Said

Scores = npt.NDArray[np.float32]
_EMPTY = ""  # no stem: an index needs a term


class Lexical:
    """How well entries answer to terms.

    Attributes:
        terms: The number of each stem.
    """

    def __init__(self, index: Any) -> None:
        """Take an index of bm25s."""
        self._index = index
        self.terms: dict[str, int] = {stem: number for stem, number in index.vocab_dict.items() if stem != _EMPTY}

    @property
    def entries(self) -> int:
        """How many entries are indexed."""
        return int(self._index.scores["num_docs"])

    @classmethod
    def build(cls, said: Said) -> "Lexical":
        """Index what is said."""
        import bm25s

        vocabulary = {stem: number for number, stem in enumerate([*said.stems, _EMPTY])}
        documents = said.of_entries() if len(said.rows) else [[vocabulary[_EMPTY]]] * said.entries
        index = bm25s.BM25()
        index.index((documents, vocabulary), create_empty_token=False, show_progress=False)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> "Lexical":
        """What `save` wrote, mapped to memory rather than read."""
        import bm25s

        return cls(bm25s.BM25.load(folder, mmap=True))

    def save(self, folder: Path) -> None:
        """Write it into `folder`, which is made."""
        self._index.save(folder, show_progress=False)

    def scores(self, weights: Mapping[int, float]) -> Scores:
        """[n] The score of each entry: the weighted sum over terms; 0: it says none of them."""
        total: Scores = np.zeros(self._index.scores["num_docs"], np.float32)
        for weight in sorted(set(weights.values()), reverse=True):
            some = [term for term, own in weights.items() if own == weight]
            total += np.float32(weight) * self._index.get_scores_from_ids(some)
        return total

    def says(self, term: int, rows: Ints) -> Bools:
        """[r] Whether each of `rows` has a term."""
        start, end = self._index.scores["indptr"][term : term + 2]
        own = self._index.scores["indices"][start:end]  # in order, since entries were indexed in theirs
        at = np.searchsorted(own, rows)
        said: Bools = at < len(own)
        said[said] = own[at[said]] == rows[said]
        return said


def first(scores: Scores, depth: int, allowed: Bools | None = None) -> Ints:
    """The entries with the `depth` highest scores above 0, best first; of equals the earlier one."""
    there = np.flatnonzero(scores > 0 if allowed is None else (scores > 0) & allowed)
    if len(there) > depth:
        least = np.partition(scores[there], len(there) - depth)[len(there) - depth]
        there = there[scores[there] >= least]
    order = np.argsort(-scores[there], kind="stable")[:depth]
    ranked: Ints = there[order]
    return ranked


def expanded(terms: Iterable[int], synonyms: Mapping[int, Iterable[int]], weight: float) -> dict[int, float]:
    """The weight of each term of a query: 1 of its own, `weight` of their synonyms."""
    weights = dict.fromkeys(terms, 1.0)
    for term in list(weights):
        for other in synonyms.get(term, ()) if weight > 0 else ():
            weights.setdefault(other, weight)
    return weights
