"""How good are these predictions? Accuracy, figures for each class, the confusion matrix: all with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from thawline.errors import UserError
from thawline.judging.calibration import Calibration, measure_calibration
from thawline.judging.intervals import (
    Estimate,
    Estimates,
    FloatArray,
    IntArray,
    mean_of_ratios,
    number_groups,
    positive_mean,
    proportion,
    proportions,
)
from thawline.judging.ranking import average_precision, roc_auc
from thawline.judging.wording import goodness

FEW_GROUPS = 20
_CALLED = {
    **{"f1": "F1", "macro_f1": "macro F1", "micro_f1": "micro F1", "roc_auc": "ROC AUC"},
    **{"mae": "MAE", "rmse": "RMSE", "r2": "R²", "spearman": "Spearman"},
}


def call(figure: str) -> str:
    """What a figure is called wherever people read it: "macro F1" of `macro_f1`."""
    return _CALLED.get(figure, figure.replace("_", " "))


class Row(NamedTuple):
    """A line of metrics.csv; None where there is no such number."""

    name: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ClassJudgement:
    """One class.

    Attributes:
        name: the class.
        support: samples that are of the class.
        predicted: samples that were said to be.
        precision: None where the class was never said.
        recall: None where no sample is of the class.
        f1: None where both hold; 0 where the class was never said although samples are of it.
        average_precision: of the samples in the order of its probability, where a sample can have several classes;
            None otherwise, and where all samples or none are of the class.
    """

    name: str
    support: int
    predicted: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    average_precision: Estimate | None = None


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix: the row is the true class, the column what was said.

    Attributes:
        counts: [C, C] samples.
        shares: [C, C] shares of each row with their intervals, NaN in the row of a class without samples.
    """

    counts: IntArray
    shares: Estimates

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "counts": self.counts.tolist(),
            **{name: _nested(array) for name, array in self.shares._asdict().items()},
        }


@dataclass(frozen=True)
class Judgement:
    """What is known of the predictions.

    Attributes:
        classes: names, in the order of the probabilities' columns.
        samples: how many were judged.
        groups: how many groups they come from.
        accuracy: share of the samples that are right; None, as the next two, where they have scores, not classes.
        balanced_accuracy: mean recall over the classes that have samples.
        macro_f1: mean F1 over the classes that have samples.
        log_loss: mean of -ln p(true class), nats; None where there are no probabilities.
        per_class: one entry a class.
        confusion: the confusion matrix; None where a sample can have several classes, of which none is mistaken for
            another.
        calibration: how far probabilities can be taken at their word; None where there are none.
        notes: what to mind when reading the numbers, a sentence each.
        own: figures of this kind of classes, by name. Of two, by the probabilities of the second: `roc_auc` and
            `average_precision`. Of several a sample: `overlap`, `micro_f1`, `mean_average_precision`. Of scores: `mae`,
            `rmse`, `r2`, `spearman`.
        headline: the name of the figure that tests, ranks and pictures are about: `accuracy` or one of `own`.
    """

    classes: tuple[str, ...]
    samples: int
    groups: int
    accuracy: Estimate | None
    balanced_accuracy: Estimate | None
    macro_f1: Estimate | None
    log_loss: Estimate | None
    per_class: tuple[ClassJudgement, ...]
    confusion: Confusion | None
    calibration: Calibration | None
    notes: tuple[str, ...]
    own: Mapping[str, Estimate | None] = field(default_factory=dict)
    headline: str = "accuracy"

    @property
    def score(self) -> Estimate:
        """The figure that `headline` names."""
        found = self.own.get(self.headline) or self.accuracy
        if found is None:
            raise TypeError(f"there is no {self.headline} in this judgement")
        return found

    @property
    def merit(self) -> tuple[float, float]:
        """What judgements of the same samples are ranked by, the greatest first: the score, then the log-loss.

        Errors are negative here; of scores the mean absolute one comes first, then the root of the mean squared one.
        """
        second = self.log_loss or self.own.get("rmse")
        return goodness(self.headline, self.score.value), -second.value if second else -math.inf

    @property
    def interval(self) -> str:
        """How the interval of the score was made."""
        if self.accuracy is None:
            return "Student over effective samples; of ranks and shares of variance the jackknife over groups"
        return "Wilson" if self.groups == self.samples else "Wilson over effective samples"

    def to_json(self) -> dict[str, Any]:
        """What metrics.json holds: plain JSON, null for what is undefined."""
        return {
            "classes": list(self.classes),
            "samples": self.samples,
            "groups": self.groups,
            "interval": f"95 %, {self.interval}",
            "headline": self.headline,
            **{name: _json(estimate) for name, estimate in self.figures()},
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "per_class": {
                one.name: {
                    "support": one.support,
                    "predicted": one.predicted,
                    **{name: _json(estimate) for name, estimate in self.figures_of(one)},
                }
                for one in self.per_class
            },
            "confusion": None if self.confusion is None else self.confusion.to_json(),
            "notes": list(self.notes),
        }

    def rows(self) -> list[Row]:
        """What metrics.csv holds: the figures of all classes, then those of each ("recall/beach"), then counts."""
        estimates = list(self.figures())
        for one in self.per_class:
            estimates += [(f"{name}/{one.name}", estimate) for name, estimate in self.figures_of(one)]
        rows = [Row(name, *((e.value, e.low, e.high) if e else (None, None, None))) for name, e in estimates]
        if self.calibration is not None:
            rows.append(Row("calibration_error", self.calibration.error, None, None))
        counts = [("samples", self.samples), ("groups", self.groups)]
        counts += [(f"support/{one.name}", one.support) for one in self.per_class]
        return rows + [Row(name, float(count), None, None) for name, count in counts]

    def figures(self) -> Iterator[tuple[str, Estimate | None]]:
        """The figures of all samples together, by name."""
        if self.accuracy is not None:
            yield "accuracy", self.accuracy
            yield "balanced_accuracy", self.balanced_accuracy
            yield "macro_f1", self.macro_f1
            yield "log_loss", self.log_loss
        yield from self.own.items()

    def beside(self) -> Iterator[tuple[str, Estimate | None]]:
        """The figures of all samples together that stand beside the score, by name."""
        for name, estimate in self.figures():
            if name not in (self.headline, "accuracy", "log_loss"):
                yield name, estimate

    def figures_of(self, one: ClassJudgement) -> Iterator[tuple[str, Estimate | None]]:
        """The figures of one class, by name."""
        yield "precision", one.precision
        yield "recall", one.recall
        yield "f1", one.f1
        if self.headline != "accuracy":
            yield "average_precision", one.average_precision


def judge(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    groups: npt.ArrayLike,
    classes: Sequence[str],
    said: npt.ArrayLike | None = None,
    *,
    ranking: bool = True,
) -> Judgement:
    """Judge class probabilities. Nothing is drawn by chance, so there is no seed.

    Args:
        labels: [N] true class of each sample, 0 to C-1.
        probabilities: [N, C], rows that sum to 1.
        groups: [N] group of each sample.
        classes: C names.
        said: [N] the answer for each sample; None: the most probable class, the first of equal maxima.
        ranking: whether it is judged how well the probabilities of two classes rank the samples, which takes longest.

    Raises:
        UserError: a probability is not a number or a row is no distribution.
        ValueError: shapes or labels don't fit.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(labels, dtype=np.int64)
    if given.shape != (len(truth), len(classes)):
        raise ValueError(f"probabilities {given.shape} for {len(truth)} samples and {len(classes)} classes")
    _check_distributions(given)
    # The clip is scikit-learn's: a certain and wrong prediction costs 36 nats, not infinitely many.
    likelihood = np.clip(given[np.arange(len(truth)), truth], np.finfo(np.float64).eps, 1.0)
    loss = positive_mean(-np.log(likelihood), groups)
    answers = np.asarray(given.argmax(axis=1) if said is None else said, np.int64)
    judgement = _judge(truth, answers, groups, classes, loss)
    own = _rank_two(truth, given, groups) if len(classes) == 2 and ranking else {}
    return replace(judgement, calibration=measure_calibration(truth, given, groups, said=answers), own=own)


def judge_predictions(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, groups: npt.ArrayLike, classes: Sequence[str]
) -> Judgement:
    """Judge predictions that come without probabilities: labels, predictions and groups [N], C class names.

    Raises:
        ValueError: shapes, labels or predictions don't fit.
    """
    return _judge(np.asarray(labels, np.int64), np.asarray(predictions, np.int64), groups, classes, None)


def _judge(
    labels: IntArray,
    said: IntArray,
    groups: npt.ArrayLike,
    classes: Sequence[str],
    log_loss: Estimate | None,
) -> Judgement:
    numbers, count = number_groups(groups)
    _check_shapes(labels, said, numbers, len(classes))
    right = labels == said
    shape = (count, len(classes))
    supports, predicted, hits = _count(shape, numbers, labels), _count(shape, numbers, said), np.zeros(shape)
    np.add.at(hits, (numbers[right], labels[right]), 1.0)

    per_class, balanced, macro_f1 = by_class(hits, supports, predicted, classes)
    return Judgement(
        classes=tuple(classes),
        samples=len(labels),
        groups=count,
        accuracy=proportion(right, numbers),
        balanced_accuracy=balanced,
        macro_f1=macro_f1,
        log_loss=log_loss,
        per_class=per_class,
        confusion=_confusion(labels, said, numbers, len(classes)),
        calibration=None,
        notes=tuple(notes_on(len(labels), per_class, supports)),
    )


def _rank_two(labels: IntArray, probabilities: FloatArray, groups: npt.ArrayLike) -> dict[str, Estimate | None]:
    """How well the probability of the second of two classes puts its samples above the others."""
    scores = probabilities[:, 1]
    return {
        "roc_auc": roc_auc(labels, scores, groups),
        "average_precision": average_precision(labels, scores, groups),
    }


def by_class(
    hits: FloatArray, supports: FloatArray, predicted: FloatArray, classes: Sequence[str]
) -> tuple[tuple[ClassJudgement, ...], Estimate, Estimate]:
    """What is said of each class, the mean recall, and the mean F1.

    Args:
        hits: [G, C] samples of each group that are of the class and were said to be.
        supports: [G, C] samples that are of the class, at least one in all.
        predicted: [G, C] samples that were said to be.
        classes: C names.
    """
    recalls = proportions(hits, supports)
    precisions = proportions(hits, predicted)
    f1s = f1_of(hits, supports, predicted)
    # Only classes with samples count; the denominators of the others are emptied.
    present = supports.sum(0) > 0
    balanced = mean_of_ratios(hits, supports, recalls)
    macro_f1 = mean_of_ratios(2 * hits, (supports + predicted) * present, f1s)
    assert balanced is not None  # noqa: S101  # for the type checker: there is a sample, so there is a class
    assert macro_f1 is not None  # noqa: S101
    per_class = tuple(
        ClassJudgement(
            name, int(supports[:, i].sum()), int(predicted[:, i].sum()), precisions.at(i), recalls.at(i), f1s.at(i)
        )
        for i, name in enumerate(classes)
    )
    return per_class, balanced, macro_f1


def f1_of(hits: FloatArray, supports: FloatArray, predicted: FloatArray) -> Estimates:
    """F1 with intervals, of counts by group, [G, ...] each."""
    # F1 = 2 J / (1 + J), where J is the share of hits among the samples that are of the class or were said to be:
    # a plain proportion, whose interval goes through the same monotone map.
    jaccards = proportions(hits, supports + predicted - hits)
    return Estimates(*(2 * array / (1 + array) for array in jaccards))


def _count(shape: tuple[int, int], numbers: IntArray, values: IntArray) -> FloatArray:
    """How often each value [N] stands in each group [N]: [G, C]."""
    counts = np.zeros(shape)
    np.add.at(counts, (numbers, values), 1.0)
    return counts


def _confusion(labels: IntArray, said: IntArray, numbers: IntArray, classes: int) -> Confusion:
    counts = np.zeros((classes, classes), dtype=np.int64)
    shares = np.full((3, classes, classes), np.nan)
    for label in np.unique(labels):
        of_class = labels == label
        # Only the groups of this class: a table over all groups and pairs of classes would not fit in memory.
        own, count = number_groups(numbers[of_class])
        cells = _count((count, classes), own, said[of_class])
        counts[label] = cells.sum(0)
        shares[:, label] = proportions(cells, np.broadcast_to(cells.sum(1, keepdims=True), cells.shape))
    return Confusion(counts, Estimates(*shares))


def notes_on(samples: int, per_class: Sequence[ClassJudgement], supports: FloatArray) -> Iterator[str]:
    """What to mind when reading the numbers; `supports` [G, C] are the samples of each class in each group."""
    groups = (supports > 0).sum(0)
    if len(supports) < min(samples, FEW_GROUPS):
        yield f"The {samples} samples are of {len(supports)} groups only: with so few, the intervals are rough."
    for one, count in zip(per_class, groups.tolist(), strict=True):
        if one.support == 0:
            yield f"No sample is of class {one.name}: its recall is undefined."
        elif count == 1 and one.support > 1:
            yield f"All {one.support} samples of class {one.name} are of one group: they count as one sample."
        if one.predicted == 0:
            yield f"Class {one.name} was never predicted: its precision is undefined."


def _check_shapes(labels: IntArray, said: IntArray, numbers: IntArray, classes: int) -> None:
    if not len(labels) == len(said) == len(numbers) or len(labels) == 0:
        raise ValueError(f"{len(labels)} labels, {len(said)} predictions, {len(numbers)} groups")
    for name, values in (("labels", labels), ("predictions", said)):
        if values.min() < 0 or values.max() >= classes:
            raise ValueError(f"{name} from {values.min()} to {values.max()} for {classes} classes")


def _check_distributions(probabilities: FloatArray) -> None:
    finite = np.asarray(np.isfinite(probabilities).all(axis=1))
    if not finite.all():
        raise UserError(
            f"the probabilities of {(~finite).sum()} of {len(finite)} samples are not numbers (first: row "
            f"{int(np.argmin(finite))}): the training diverged; lower the learning rate"
        )
    wrong = np.asarray((np.abs(probabilities.sum(axis=1) - 1) > 1e-3) | (probabilities < 0).any(axis=1))
    if wrong.any():
        raise UserError(
            f"the probabilities of {wrong.sum()} of {len(wrong)} samples are negative or don't sum to 1 (first: row "
            f"{int(np.argmax(wrong))}): give probabilities, not scores"
        )


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.to_json()


def _nested(array: FloatArray) -> list[list[float | None]]:
    """A matrix as lists, with null for NaN, which JSON does not have."""
    return [[None if np.isnan(x) else float(x) for x in row] for row in array]
