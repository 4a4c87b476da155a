"""Where a sample can have several labels: from which score on it has each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = "thresholds"  # what they are called in chosen.json and decision.json
NOTHING_FITTED = 0.3  # the threshold of a label where nothing was fitted


def fit_label_thresholds(truth: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The threshold of each label with the highest F1, to be used as `scores >= threshold`, [labels].

    A label that is on no sample, or on every one, keeps 0.3: its samples say nothing of where to cut.

    Args:
        truth: Which labels are on which samples, [samples, labels].
        scores: The network's scores of the same, on inner data, [samples, labels].
    """
    from sklearn.metrics import precision_recall_curve  # late: scikit-learn takes a second to import

    fitted = np.full(truth.shape[1], NOTHING_FITTED)
    for i in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        precision, recall, thresholds = precision_recall_curve(truth[:, i], scores[:, i])
        # The curve ends in a point without a threshold.
        both = precision[:-1] + recall[:-1]
        f1 = np.divide(2 * precision[:-1] * recall[:-1], both, out=np.zeros_like(both), where=both > 0)
        fitted[i] = thresholds[f1.argmax()]
    return fitted
