"""Which words belong to a group of texts rather than to the rest: log-odds with an informative Dirichlet prior.

Monroe, Colaresi and Quinn (2008), "Fightin' Words": a frequency ratio favours words that came up once, a difference
favours function words; the log-odds, shrunk to what the whole library says and divided by their standard deviation,
favour neither.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.patterns.tags import Matrix

PRIOR: Final = 500.0  # words, about fifty captions: what the whole library says counts for as much
SHARE: Final = 0.1  # of a small library, more would say that all tags are alike
_TINY = 1e-9


def log_odds(counts: Matrix, totals: npt.NDArray[np.int64], prior: float | None = None) -> Matrix:
    """z-scores [g, w] of the words that each group has; those that it lacks are left out.

    Args:
        counts: [g, w] how often each group has each word.
        totals: [w] how often all texts have it.
        prior: How many words the prior counts for; None: `PRIOR`, or `SHARE` of all, if that is less.
    """
    size: npt.NDArray[np.float64] = np.asarray(counts.sum(axis=1), np.float64).ravel()
    whole = float(totals.sum())
    prior = min(PRIOR, max(1.0, SHARE * whole)) if prior is None else prior
    alpha = prior * totals / max(whole, 1.0)
    group = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    here, a = counts.data.astype(np.float64), alpha[counts.indices]
    there = totals[counts.indices] - here
    n, m = size[group], whole - size[group]
    others, rest = n + prior - here - a, m + prior - there - a  # 0 where there is but one word
    delta = np.log((here + a) / np.maximum(others, _TINY)) - np.log((there + a) / np.maximum(rest, _TINY))
    z = delta / np.sqrt(1 / (here + a) + 1 / (there + a))
    return sparse.csr_array((z, counts.indices, counts.indptr), shape=counts.shape)
