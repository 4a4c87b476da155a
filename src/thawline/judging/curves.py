"""How well the probability of the second of two classes tells it, threshold by threshold: what a page draws."""

from dataclasses import dataclass

import numpy as np

from thawline.judging.intervals import FloatArray
from thawline.judging.metrics import Judgement
from thawline.runs.predictions import Predictions

_MOST_POINTS = 200


@dataclass(frozen=True)
class Curves:
    """The curves of one run, as shares.

    Attributes:
        roc: False and true positive rate at each threshold, from (0, 0) to (1, 1), [points, 2].
        precision_recall: Recall and precision at each threshold, by recall, [points, 2].
        decided_roc: False and true positive rate of what the run decided.
        decided_precision: Recall and precision of what it decided; None where it never said the second class.
        share: Share of the samples that are of the second class: the precision of whoever says it at random.
    """

    roc: FloatArray
    precision_recall: FloatArray
    decided_roc: tuple[float, float]
    decided_precision: tuple[float, float] | None
    share: float


def curves_of(p: Predictions, judgement: Judgement) -> Curves | None:
    """The curves of `p`, at most 200 points each; None where there are not two classes, or samples of one alone.

    What was decided is taken from `judgement`, the judgement of `p`.
    """
    if judgement.own.get("roc_auc") is None:
        return None
    from sklearn.metrics import precision_recall_curve, roc_curve  # late: a second

    scores = p.probabilities[:, 1]
    false, true, _ = roc_curve(p.labels, scores)
    precision, recall, _ = precision_recall_curve(p.labels, scores, drop_intermediate=True)
    others, wanted = judgement.per_class
    assert others.recall is not None  # noqa: S101  # there are samples of both classes
    assert wanted.recall is not None  # noqa: S101
    found = wanted.recall.value
    return Curves(
        _thinned(np.stack([false, true], axis=1)),
        # The last point is a convention of the library's and belongs to no threshold.
        _thinned(np.stack([recall, precision], axis=1)[-2::-1]),
        (1 - others.recall.value, found),
        None if wanted.precision is None else (found, wanted.precision.value),
        wanted.support / judgement.samples,
    )


def _thinned(points: FloatArray) -> FloatArray:
    """At most `_MOST_POINTS` of the points, the first and the last among them."""
    kept = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).round().astype(np.int64))
    thinned: FloatArray = points[kept]
    return thinned
