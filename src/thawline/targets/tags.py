"""How good are these predictions where a sample can have several classes? All with 95 % intervals over groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from thawline.judging.intervals import (
    Estimate,
    FloatArray,
    IntArray,
    mean_share,
    number_groups,
    positive_mean,
    proportion,
)
from thawline.judging.metrics import Judgement, by_class, call, f1_of, notes_on
from thawline.judging.paired import PairedTest, compare, compare_scores
from thawline.judging.ranking import average_precision, mean_average_precision, precision_above_chance
from thawline.judging.wording import format_p, format_points, percent
from thawline.runs.predictions import Predictions, Tags
from thawline.screen import say
from thawline.targets.target import Mistake

BoolArray = npt.NDArray[np.bool_]

OVERLAP = "overlap"
_SHOWN = 20  # classes of which each is shown, the most usual
NOTE = (
    "A sample can have several classes. Overlap is the mean over samples of the classes both true and said by those "
    "that are either (Jaccard), and what is tested; precision, recall and F1 are of the classes that reached their "
    "thresholds; accuracy is the share of samples whose most probable class is one of theirs."
)


class TagsTarget:
    """Each sample can have several classes. Their overlap is what is tested."""

    def judge(self, p: Predictions, *, ranking: bool = True) -> Judgement:
        """Of the classes that were said, and of each one's probabilities."""
        tags = _tags(p)
        return judge_tags(tags.true, tags.said, p.right, p.groups, p.classes, p.probabilities, ranking=ranking)

    def judge_baseline(self, p: Predictions) -> Judgement:
        """Of the classes that the baseline said."""
        tags = _tags(p)
        return judge_tags(tags.true, tags.baseline, p.baseline_right, p.groups, p.classes)

    def compare(self, a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
        """Of the overlap of each sample."""
        return compare_scores(_tags(a).overlap, _tags(b).overlap, a.groups, name_a=name_a, name_b=name_b)

    def compare_baseline(self, p: Predictions, name: str, baseline: str) -> PairedTest:
        """Of the overlap of each sample."""
        tags = _tags(p)
        return compare_scores(tags.overlap, tags.baseline_overlap, p.groups, name_a=name, name_b=baseline)

    def mistakes(self, p: Predictions) -> Iterator[Mistake]:
        """Answers that are not just the sample's classes, the less they overlap the worse.

        Of equal ones that comes first whose probabilities are further off.
        """
        tags = _tags(p)
        overlap, error = tags.overlap, np.abs(tags.true - p.probabilities).sum(axis=1)
        wrong = np.flatnonzero(overlap < 1)
        for i in wrong[np.lexsort((-error[wrong], overlap[wrong]))]:
            yield Mistake(p.paths[i], _names(p, tags.true[i]), _names(p, tags.said[i]), None)

    def same_truth(self, a: Predictions, b: Predictions) -> bool:
        """Whether the samples have the same classes."""
        return bool(np.array_equal(_tags(a).true, _tags(b).true))


def _tags(p: Predictions) -> Tags:
    assert p.tags is not None  # noqa: S101  # `predicted.target_of` looked
    return p.tags


def _names(p: Predictions, marked: BoolArray) -> tuple[str, ...]:
    return tuple(p.classes[i] for i in np.flatnonzero(marked))


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


def examine_tags(
    judgement: Judgement, test: PairedTest, tags: Tags, probabilities: npt.ArrayLike, groups: npt.ArrayLike
) -> dict[str, Any]:
    """The figures of a tagger beside those of the base rates alone, as plain JSON.

    Of scores that rank nothing average precision is the class's share, and the best F1 without hearing anything is that
    of always saying the class. Mean average precision is tested against an order by chance. Against the baseline there
    are two paired tests: of the overlap, and of how many classes it was rightly said that the sample has or has not.
    Thresholds fitted for F1 say more classes than is best for the second.

    Args:
        judgement: Of the tagger.
        test: Of its overlap against the baseline's.
        tags: What is so, what the tagger said and what the baseline said, of N samples.
        probabilities: Of each class by itself, [N, C].
        groups: Group of each sample, [N].
    """
    true = tags.true
    shares = true.mean(axis=0)
    varied = (shares > 0) & (shares < 1)
    names = {"name_a": test.name_a, "name_b": test.name_b}
    each = compare(true.ravel(), tags.said.ravel(), tags.baseline.ravel(), np.repeat(groups, true.shape[1]), **names)
    figures = dict(judgement.figures())
    above = precision_above_chance(true, np.asarray(probabilities, np.float64), groups)
    return {
        **{name: _json(figures[name]) for name in ("micro_f1", "macro_f1", "mean_average_precision")},
        "base_rates": {
            "micro_f1": float(_always(true.mean())),
            "macro_f1": float(_always(shares[shares > 0]).mean()),
            "mean_average_precision": float(shares[varied].mean()) if varied.any() else None,
        },
        "mean_average_precision_above_chance": _above(above),
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


def most_usual(shares: FloatArray) -> BoolArray:
    """The classes that more than half of the samples have, or the one that most have, by the share of each, [C].

    No one answer is right of more of their classes.
    """
    usual: BoolArray = shares > 0.5
    usual[shares.argmax()] = True
    return usual


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


def _above(above: tuple[Estimate, float] | None) -> dict[str, Any] | None:
    if above is None:
        return None
    gain, p_value = above
    value, low, high = (format_points(each, sign="+") for each in (gain.value, gain.low, gain.high))
    said = (
        f"{value} points [{low}, {high}] against an order by chance, {format_p(p_value)}, jackknife t-test over groups"
    )
    return {**gain.to_json(), "p_value": p_value, "summary": f"mean average precision {said}"}


def _json(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate.to_json()


def show_tags(examined: Mapping[str, Any], console: Console) -> None:
    """Show what the base rates alone reach, the test of each label, thresholds, and what can't be learnt."""
    for line in _lines_on(examined):
        say(console, line)


def _lines_on(examined: Mapping[str, Any]) -> Iterator[str]:
    rates = ((call(key), value) for key, value in examined["base_rates"].items() if value is not None)
    yield f"base rates alone: {'; '.join(f'{name} {100 * value:.1f}' for name, value in rates)}"
    if examined["mean_average_precision_above_chance"] is not None:
        yield examined["mean_average_precision_above_chance"]["summary"]
    yield f"labels that were rightly said or left: {examined['labels_against_baseline']['summary']}"
    each = examined["per_class"]
    usual = sorted(each, key=lambda name: -each[name]["share"])[:_SHOWN]
    for name in (name for name in each if name in usual):
        yield f"average precision of {name} {_percent_of(each[name]['average_precision'])}"
    for fold, thresholds in examined["thresholds"].items():
        values = ", ".join(f"{name} {value:.2f}" for name, value in thresholds.items() if name in usual)
        yield f"{fold}: thresholds {values}"
    if len(each) > len(usual):
        yield f"… and so of {len(each) - len(usual)} less usual classes, in metrics.json"
    for fold, labels in examined["not_trained_on"].items():
        yield f"{fold}: no sample that is trained on has {', '.join(labels)}"


def _percent_of(estimate: Mapping[str, float] | None) -> str:
    return percent(Estimate(**estimate) if estimate else None)
