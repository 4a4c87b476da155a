"""How good are these predictions where a sample can have several classes? All with 95 % intervals over groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import (
    Estimate,
    FloatArray,
    IntArray,
    mean_share,
    number_groups,
    positive_mean,
    proportion,
)
from thawline.judging.metrics import Judgement, by_class, f1_of, notes_on
from thawline.judging.paired import PairedTest, compare
from thawline.judging.ranking import average_precision, mean_average_precision
from thawline.runs.predictions import Tags

BoolArray = npt.NDArray[np.bool_]

OVERLAP = "overlap"
NOTE = (
    "A sample can have several classes. Overlap is the mean over samples of the classes both true and said by those "
    "that are either (Jaccard), and what is tested; precision, recall and F1 are of the classes that reached their "
    "thresholds; accuracy is the share of samples whose most probable class is one of theirs."
)


def judge_tags(
    true: BoolArray,
    said: BoolArray,
    right: BoolArray,
    groups: npt.ArrayLike,
    classes: Sequence[str],
    probabilities: npt.ArrayLike | None = None,
    *,
    ranking: bool = True,
) -> Judgement:
    """Judge what was said of samples that can have several classes. Nothing is drawn by chance.

    The log-loss is the mean over samples and classes of -ln p(what is so). There is no confusion matrix: a class that
    was said beside another is no mistake for it.

    Args:
        true: Which classes each sample has, at least one, [N, C].
        said: Which it was said to have, [N, C].
        right: Whether the most probable class is one of its own, [N].
        groups: Group of each sample, [N].
        classes: C names.
        probabilities: Of each class by itself, [N, C]; None: there are none.
        ranking: Whether average precision is judged too, which takes longest.
    """
    numbers, count = number_groups(groups)
    hits, supports, predicted = (_sum(each, numbers, count) for each in (true & said, true, said))
    per_class, balanced, macro_f1 = by_class(hits, supports, predicted, classes)
    own: dict[str, Estimate | None] = {
        OVERLAP: mean_share(Tags(true, said, said).overlap, numbers),
        "micro_f1": f1_of(hits.sum(1), supports.sum(1), predicted.sum(1)).at(),
    }
    scores = None if probabilities is None else np.asarray(probabilities, np.float64)
    if scores is not None and ranking:
        own["mean_average_precision"] = mean_average_precision(true, scores, numbers)
        each = (average_precision(true[:, i].astype(np.int64), scores[:, i], numbers) for i in range(len(classes)))
        per_class = tuple(replace(one, average_precision=ap) for one, ap in zip(per_class, each, strict=True))
    return Judgement(
        classes=tuple(classes),
        samples=len(true),
        groups=count,
        accuracy=proportion(right, numbers),
        balanced_accuracy=balanced,
        macro_f1=macro_f1,
        log_loss=None if scores is None else _log_loss(true, scores, numbers),
        per_class=per_class,
        confusion=None,
        calibration=None,
        notes=(NOTE, *notes_on(len(true), per_class, supports)),
        own=own,
        headline=OVERLAP,
    )


def examine_tags(judgement: Judgement, test: PairedTest, tags: Tags, groups: npt.ArrayLike) -> dict[str, Any]:
    """The figures of a tagger beside those of the base rates alone, as plain JSON.

    Of scores that rank nothing average precision is the class's share, and the best F1 without hearing anything is that
    of always saying the class. Against the baseline there are two paired tests: of the overlap, and of how many classes
    it was rightly said that the sample has or has not. Thresholds fitted for F1 say more classes than is best for the
    second.

    Args:
        judgement: Of the tagger.
        test: Of its overlap against the baseline's.
        tags: What is so, what the tagger said and what the baseline said, of N samples.
        groups: Group of each sample, [N].
    """
    true = tags.true
    shares = true.mean(axis=0)
    varied = (shares > 0) & (shares < 1)
    names = {"name_a": test.name_a, "name_b": test.name_b}
    each = compare(true.ravel(), tags.said.ravel(), tags.baseline.ravel(), np.repeat(groups, true.shape[1]), **names)
    figures = dict(judgement.figures())
    return {
        **{name: _json(figures[name]) for name in ("micro_f1", "macro_f1", "mean_average_precision")},
        "base_rates": {
            "micro_f1": float(_always(true.mean())),
            "macro_f1": float(_always(shares[shares > 0]).mean()),
            "mean_average_precision": float(shares[varied].mean()) if varied.any() else None,
        },
        "overlap": {"said": float(tags.overlap.mean()), "baseline": float(tags.baseline_overlap.mean())},
        "overlap_against_baseline": test.to_json(),
        "labels_against_baseline": each.to_json(),
        "per_class": {
            one.name: {
                "share": float(shares[i]),
                "f1": _json(one.f1),
                "average_precision": _json(one.average_precision),
            }
            for i, one in enumerate(judgement.per_class)
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


def _always(share: npt.ArrayLike) -> FloatArray:
    """F1 of always saying a class that `share` of the samples have."""
    shares = np.asarray(share, np.float64)
    return np.asarray(2 * shares / (1 + shares))


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.to_json()
