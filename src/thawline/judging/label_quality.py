"""Which labels are likely wrong? By confident learning, from probabilities of samples that were held out.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels" (2021, arXiv 1911.00068), as
cleanlab has it; the order is that of Kuan and Mueller, "Model-agnostic label quality scoring" (2022). Of several labels
a sample: Thyagarajan et al., "Identifying incorrect annotations in multi-label classification data" (2022, arXiv
2211.13895).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

ANOTHER, UNSURE = "another class", "unsure"


@dataclass(frozen=True)
class LabelQuality:
    """What is to be thought of the labels of some samples.

    Attributes:
        quality: The probability of each sample's own label, [N]: the lower, the more likely it is wrong.
        likely: The most probable class besides that label, [N].
        another: Whether the label is likely another class's, [N].
        unsure: Whether that can't be told, and no class is as probable as it mostly is of its own samples, [N]: it may
            lie between classes, or be of none.
    """

    quality: FloatArray
    likely: IntArray
    another: BoolArray
    unsure: BoolArray

    @property
    def order(self) -> IntArray:
        """The samples, the likeliest to be wrong first, [N]."""
        return np.argsort(self.quality, kind="stable").astype(np.int64)

    def doubt(self, sample: int) -> str:
        """What is in doubt about a sample: `another class`, `unsure`, or nothing."""
        if self.another[sample]:
            return ANOTHER
        return UNSURE if self.unsure[sample] else ""


@dataclass(frozen=True)
class LabelSetQuality:
    """What is to be thought of the labels of samples that can have several.

    Attributes:
        quality: Of all labels of each sample, [N], from 0 to 1: the lower, the more likely one is wrong or missing.
        doubted: Whether a label is likely wrong where the sample has it, or missing where it has not, [N, classes].
    """

    quality: FloatArray
    doubted: BoolArray

    @property
    def order(self) -> IntArray:
        """The samples, the likeliest to be wrong first, [N]."""
        return np.argsort(self.quality, kind="stable").astype(np.int64)


def judge_label_sets(true: BoolArray, probabilities: npt.NDArray[np.floating]) -> LabelSetQuality:
    """Judge which labels samples have, [N, classes], by probabilities of each label by itself, [N, classes].

    The probabilities are those of models that were not fitted on the sample itself. Each label is judged as one of two
    classes; of all labels of a sample the likeliest to be wrong weighs most (their exponential moving average).
    """
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class  # late: it takes a second
    from cleanlab.multilabel_classification.rank import get_label_quality_scores

    told = np.asarray(probabilities, dtype=np.float64)
    labels = [np.flatnonzero(row).tolist() for row in true]
    doubted = np.zeros(true.shape, dtype=np.bool_)
    varied = np.flatnonzero(true.any(axis=0) & ~true.all(axis=0))  # nothing to go by where all samples are alike
    if len(varied):
        some = [np.flatnonzero(row).tolist() for row in true[:, varied]]
        doubted[:, varied] = find_multilabel_issues_per_class(some, told[:, varied], n_jobs=1)
    if true.all():  # cleanlab takes labels that all samples have for no labels: one that none has changes no order
        told = np.column_stack([told, np.zeros(len(told))])
    return LabelSetQuality(get_label_quality_scores(labels, told), doubted)


def judge_labels(labels: IntArray, probabilities: npt.NDArray[np.floating]) -> LabelQuality:
    """Judge labels [N] by probabilities [N, classes] of models that were not fitted on the sample itself."""
    from cleanlab.count import get_confident_thresholds  # late: it takes a second
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    told = np.asarray(probabilities, dtype=np.float64)
    rows = np.arange(len(labels))
    others = told.copy()
    others[rows, labels] = -1.0
    another = find_label_issues(labels, told, n_jobs=1)  # other processes would take longer to start
    typical = np.asarray(get_confident_thresholds(labels, told))
    return LabelQuality(
        quality=get_label_quality_scores(labels, told),
        likely=others.argmax(axis=1).astype(np.int64),
        another=another,
        unsure=~another & (told < typical).all(axis=1),
    )
