"""Tags by what is written: ridge regression on TF-IDF of words, all tags at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from sklearn.feature_extraction.text import TfidfTransformer

from thawline.tasks.library.patterns.tags import Matrix
from thawline.tasks.library.tagging.words import Written

MOST_WORDS: Final = 2000  # the most frequent: what takes time is the square of their number
STRENGTHS: Final = (0.3, 1.0, 3.0)  # of the penalty, to choose from
_FEWEST = 2  # texts that a word is in

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ByText:
    """A regression of t tags.

    Attributes:
        words: The v words that it goes by.
        idf: [v] what each counts for.
        weights: [v, t].
        bias: [t].
    """

    words: tuple[str, ...]
    idf: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float64]

    def scores(self, counts: Matrix) -> Scores:
        """[n, t] about how likely each tag is, by how often each text has each word, [n, v]."""
        scores: Scores = _weighed(counts, self.idf) @ self.weights + self.bias
        return scores


class Regressions:
    """Regressions of one set of texts, by the strength of the penalty."""

    def __init__(self, texts: Written, has: Matrix) -> None:
        """Choose the words, and sum up the texts [n] and the tags that they have, [n, t]."""
        counts = texts.counts
        often = np.bincount(counts.indices, minlength=counts.shape[1]) * texts.content
        self.columns = np.sort(np.argsort(-often, kind="stable")[: min(MOST_WORDS, int((often >= _FEWEST).sum()))])
        self._words = tuple(texts.words[column] for column in self.columns.tolist())
        counts = counts[:, self.columns]
        self._idf = _idf(counts)
        matrix = _weighed(counts, self._idf)
        self._mean = np.asarray(matrix.mean(axis=0)).ravel()
        self._share = np.asarray(has.mean(axis=0)).ravel()
        size = matrix.shape[0]
        self._squares = (matrix.T @ matrix).toarray() - size * np.outer(self._mean, self._mean)
        self._products = (matrix.T @ has).toarray() - size * np.outer(self._mean, self._share)

    def fit(self, strength: float) -> ByText:
        """The regression with one strength of the penalty."""
        if not len(self.columns):
            return ByText((), self._idf, np.zeros(self._products.shape, np.float32), self._share)
        penalised = self._squares + strength * np.eye(len(self.columns))
        weights = linalg.cho_solve(linalg.cho_factor(penalised, overwrite_a=True), self._products)
        return ByText(self._words, self._idf, weights.astype(np.float32), self._share - self._mean @ weights)


def choose(losses: Sequence[npt.NDArray[np.float64]]) -> float:
    """The strength with the least loss, of losses [strengths] of several folds."""
    return STRENGTHS[int(np.sum(losses, axis=0).argmin())]


def _idf(counts: Matrix) -> npt.NDArray[np.float64]:
    if not counts.shape[1]:
        return np.zeros(0)
    idf: npt.NDArray[np.float64] = TfidfTransformer().fit(counts).idf_
    return idf


def _weighed(counts: Matrix, idf: npt.NDArray[np.float64]) -> Matrix:
    """TF-IDF, with the logarithm of counts, each text of length 1."""
    if not counts.shape[1]:
        return sparse.csr_array(counts.shape)
    transformer = TfidfTransformer(sublinear_tf=True)
    transformer.idf_ = idf
    return sparse.csr_array(transformer.transform(counts))
