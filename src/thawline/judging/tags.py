"""How good are these predictions where a sample can have several classes? All with 95 % intervals over groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import (
    Estimate,
    Estimates,
    FloatArray,
    IntArray,
    number_groups,
    positive_mean,
    proportion,
    proportions,
)
from thawline.judging.metrics import Confusion, Judgement, by_class, f1_of, notes_on
from thawline.judging.paired import compare, compare_scores
from thawline.judging.ranking import average_precision, mean_average_precision

BoolArray = npt.NDArray[np.bool_]

NOTE = (
    "A sample can have several classes. Accuracy is the share of samples whose most probable class is one of theirs; "
    "precision, recall and F1 are of the classes that reached their thresholds."
)


def judge_tags(
    true: BoolArray,
    said: BoolArray,
    right: BoolArray,
    groups: npt.ArrayLike,
    classes: Sequence[str],
    probabilities: npt.ArrayLike | None = None,
) -> Judgement:
    """Judge what was said of samples that can have several classes. Nothing is drawn by chance.

    The log-loss is the mean over samples and classes of -ln p(what is so). A row of the confusion matrix holds the
    samples that have the class, and a column how many of them were said to have the other, so it sums to more than 1.

    Args:
        true: Which classes each sample has, at least one, [N, C].
        said: Which it was said to have, [N, C].
        right: Whether the most probable class is one of its own, [N].
        groups: Group of each sample, [N].
        classes: C names.
        probabilities: Of each class by itself, [N, C]; None: there are none.
    """
    numbers, count = number_groups(groups)
    supports, predicted = _sum(true, numbers, count), _sum(said, numbers, count)
    per_class, balanced, macro_f1 = by_class(_sum(true & said, numbers, count), supports, predicted, classes)
    return Judgement(
        classes=tuple(classes),
        samples=len(true),
        groups=count,
        accuracy=proportion(right, numbers),
        balanced_accuracy=balanced,
        macro_f1=macro_f1,
        log_loss=None if probabilities is None else _log_loss(true, np.asarray(probabilities, np.float64), numbers),
        per_class=per_class,
        confusion=_confusion(true, said, numbers),
        calibration=None,
        notes=(NOTE, *notes_on(len(true), per_class, supports)),
    )


def examine_tags(
    true: BoolArray,
    said: BoolArray,
    probabilities: npt.ArrayLike,
    baseline: BoolArray,
    groups: npt.ArrayLike,
    classes: Sequence[str],
) -> dict[str, Any]:
    """The figures of a tagger as plain JSON: micro and macro F1, mean average precision, and those of each class.

    Beside them stand those of the base rates alone: of scores that rank nothing average precision is the class's share,
    and the best F1 without hearing anything is that of always saying the class. Against the baseline there are two
    paired tests: of how much the classes said and the true ones overlap (Jaccard: those in both by those in either),
    and of how many classes it was rightly said that the sample has or has not. Thresholds fitted for F1 say more
    classes than is best for the second.

    Args:
        true: Which classes each sample has, [N, C].
        said: Which it was said to have, [N, C].
        probabilities: Of each class, [N, C].
        baseline: Which classes the baseline says, [N, C].
        groups: Group of each sample, [N].
        classes: C names.
    """
    scores = np.asarray(probabilities, np.float64)
    numbers, count = number_groups(groups)
    hits, supports, predicted = (_sum(each, numbers, count) for each in (true & said, true, said))
    per_class, _, macro = by_class(hits, supports, predicted, classes)
    micro = f1_of(hits.sum(1), supports.sum(1), predicted.sum(1)).at()
    shares = true.mean(axis=0)
    varied = (shares > 0) & (shares < 1)
    names = {"name_a": "what was said", "name_b": "the most usual"}
    overlap = compare_scores(_jaccard(true, said), _jaccard(true, baseline), numbers, **names)
    each = compare(true.ravel(), said.ravel(), baseline.ravel(), np.repeat(numbers, true.shape[1]), **names)
    return {
        "micro_f1": _json(micro),
        "macro_f1": macro.to_json(),
        "mean_average_precision": _json(mean_average_precision(true, scores, numbers)),
        "base_rates": {
            "micro_f1": float(_always(true.mean())),
            "macro_f1": float(_always(shares[shares > 0]).mean()),
            "mean_average_precision": float(shares[varied].mean()) if varied.any() else None,
        },
        "overlap": {"said": float(_jaccard(true, said).mean()), "baseline": float(_jaccard(true, baseline).mean())},
        "overlap_against_baseline": overlap.to_json(),
        "labels_against_baseline": each.to_json(),
        "per_class": {
            one.name: {
                "share": float(shares[i]),
                "f1": _json(one.f1),
                "average_precision": _json(average_precision(true[:, i].astype(np.int64), scores[:, i], numbers)),
            }
            for i, one in enumerate(per_class)
        },
    }


def _sum(marked: BoolArray, numbers: IntArray, count: int) -> FloatArray:
    """How often each class is marked in each group, [G, C]."""
    sums = np.zeros((count, marked.shape[1]))
    np.add.at(sums, numbers, marked.astype(np.float64))
    return sums


def _log_loss(true: BoolArray, probabilities: FloatArray, numbers: IntArray) -> Estimate:
    likelihood = np.where(true, probabilities, 1 - probabilities)
    losses = -np.log(np.clip(likelihood, np.finfo(np.float32).eps, 1.0))
    return positive_mean(losses.mean(axis=1), numbers)


def _confusion(true: BoolArray, said: BoolArray, numbers: IntArray) -> Confusion:
    classes = true.shape[1]
    counts = np.zeros((classes, classes), dtype=np.int64)
    shares = np.full((3, classes, classes), np.nan)
    for label in np.flatnonzero(true.any(axis=0)):
        having = true[:, label]
        own, count = number_groups(numbers[having])
        cells = _sum(said[having], own, count)
        counts[label] = cells.sum(0)
        sizes = np.bincount(own, minlength=count).astype(np.float64)
        shares[:, label] = proportions(cells, np.broadcast_to(sizes[:, None], cells.shape))
    return Confusion(counts, Estimates(*shares))


def _jaccard(true: BoolArray, said: BoolArray) -> FloatArray:
    """Of each sample the classes in both by those in either, [N]; it has at least one."""
    return np.asarray((true & said).sum(axis=1) / (true | said).sum(axis=1))


def _always(share: npt.ArrayLike) -> FloatArray:
    """F1 of always saying a class that `share` of the samples have."""
    shares = np.asarray(share, np.float64)
    return np.asarray(2 * shares / (1 + shares))


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.to_json()
