"""What is written of entries, as counts of words, and which tags it names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.patterns.tags import Matrix
from thawline.tasks.library.patterns.words import Texts, words_of


@dataclass(frozen=True)
class Written:
    """Texts of n entries.

    Attributes:
        words: [w] that there are.
        content: [w] whether each says something.
        counts: [n, w] how often each is in each text.
    """

    words: Sequence[str]
    content: npt.NDArray[np.bool_]
    counts: Matrix

    def rows(self, which: npt.NDArray[np.int64]) -> "Written":
        """The same of some of the entries."""
        return Written(self.words, self.content, self.counts[which])

    def names(self, tags: Sequence[str]) -> Matrix:
        """[n, tags] 1 where a text has all words of a tag."""
        number = {word: place for place, word in enumerate(self.words)}
        columns = sparse.csc_array(self.counts > 0).astype(np.int8)
        rows, ends = [np.zeros(0, np.int32)], [0]
        for tag in tags:
            places = [number.get(word, -1) for word in dict.fromkeys(words_of(tag))]
            found = _shared([_rows(columns, place) for place in places]) if places and min(places) >= 0 else rows[0]
            rows.append(found)
            ends.append(ends[-1] + len(found))
        data = np.ones(ends[-1], np.int8)
        shape = (self.counts.shape[0], len(tags))
        return sparse.csr_array(sparse.csc_array((data, np.concatenate(rows), np.array(ends)), shape=shape))


def written(texts: Texts) -> Written:
    """Texts that were cut into words."""
    kept = texts.numbers > 0  # no breaks
    shape = (len(texts), len(texts.words))
    pairs = (np.ones(int(kept.sum()), np.float32), (texts.rows[kept], texts.numbers[kept]))
    return Written(texts.words, texts.content, sparse.csr_array(pairs, shape=shape))


def count_words(text: str, words: Sequence[str]) -> Matrix:
    """[1, words] how often each is in a text."""
    number = {word: place for place, word in enumerate(words)}
    counts = Counter(place for word in words_of(text) if (place := number.get(word)) is not None)
    columns = sorted(counts)
    row = np.array([counts[column] for column in columns], np.float32)
    return sparse.csr_array((row, columns, [0, len(columns)]), shape=(1, len(words)))


def _rows(columns: Matrix, place: int) -> npt.NDArray[np.int32]:
    return np.asarray(columns.indices[columns.indptr[place] : columns.indptr[place + 1]], np.int32)


def _shared(each: Sequence[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    shared = each[0]
    for other in each[1:]:
        shared = np.intersect1d(shared, other)
    return shared
