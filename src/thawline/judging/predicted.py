"""Judging and comparing what runs said: the one place where figures are made of predictions, whatever their kind.

A sample has one class, the most probable one or what a threshold decided for, or it can have several. Each kind has
figures of its own; whatever shows figures takes them from here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thawline.judging.metrics import Judgement, judge, judge_predictions
from thawline.judging.paired import PairedTest, compare, compare_scores
from thawline.judging.tags import judge_tags
from thawline.runs.predictions import Predictions


def judge_said(p: Predictions, *, ranking: bool = True) -> Judgement:
    """How good the answers of `p` are.

    Args:
        p: What a run said.
        ranking: Whether how well its probabilities rank the samples is judged as well, which takes longest.
    """
    if p.tags is not None:
        scores = p.probabilities
        return judge_tags(p.tags.true, p.tags.said, p.right, p.groups, p.classes, scores, ranking=ranking)
    return judge(p.labels, p.probabilities, p.groups, p.classes, p.said, ranking=ranking)


def judge_answers(p: Predictions) -> Judgement:
    """How good the answers of `p` are where its probabilities mean nothing."""
    return judge_predictions(p.labels, p.said, p.groups, p.classes)


def judge_baseline(p: Predictions) -> Judgement:
    """How good the baseline of `p` is on its samples."""
    if p.tags is not None:
        return judge_tags(p.tags.true, p.tags.baseline, p.baseline_right, p.groups, p.classes)
    return judge_predictions(p.labels, p.baseline, p.groups, p.classes)


def compare_said(a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
    """The paired test of the answers of `a` and `b`, which are of the same samples in the same order."""
    if a.tags is not None and b.tags is not None:
        return compare_scores(a.tags.overlap, b.tags.overlap, a.groups, name_a=name_a, name_b=name_b)
    return compare(np.ones(len(a.labels)), a.right, b.right, a.groups, name_a=name_a, name_b=name_b)


def compare_baseline(p: Predictions, name: str, baseline: str) -> PairedTest:
    """The paired test of the answers of `p` and its baseline's."""
    if p.tags is not None:
        return compare_scores(p.tags.overlap, p.tags.baseline_overlap, p.groups, name_a=name, name_b=baseline)
    return compare(np.ones(len(p.labels)), p.right, p.baseline_right, p.groups, name_a=name, name_b=baseline)


@dataclass(frozen=True)
class Mistake:
    """A sample that was called wrong.

    Attributes:
        path: The sample.
        true: The class that it is of, or all its classes.
        said: The answer; none where it was said to have no class.
        sure: The probability of the answer; None where there can be several.
    """

    path: str
    true: tuple[str, ...]
    said: tuple[str, ...]
    sure: float | None


def worst_mistakes(p: Predictions, most: int) -> list[Mistake]:
    """The wrong answers of `p` with the most conviction, each sample once.

    Where there can be several classes an answer is wrong that is not just the sample's classes, and the less they
    overlap the worse; of equal ones that comes first whose probabilities are further off.
    """
    found = _worst_tags(p) if p.tags is not None else _worst_classes(p)
    once: dict[str, Mistake] = {}
    for mistake in found:
        once.setdefault(mistake.path, mistake)
        if len(once) == most:
            break
    return list(once.values())


def _worst_classes(p: Predictions) -> Iterator[Mistake]:
    sure = p.probabilities[np.arange(len(p.said)), p.said]
    wrong = np.flatnonzero(~p.right)
    for i in wrong[np.argsort(-sure[wrong], kind="stable")]:
        yield Mistake(p.paths[i], (p.classes[p.labels[i]],), (p.classes[p.said[i]],), float(sure[i]))


def _worst_tags(p: Predictions) -> Iterator[Mistake]:
    tags = p.tags
    assert tags is not None  # noqa: S101  # the caller looked
    overlap, error = tags.overlap, np.abs(tags.true - p.probabilities).sum(axis=1)
    wrong = np.flatnonzero(overlap < 1)
    for i in wrong[np.lexsort((-error[wrong], overlap[wrong]))]:
        yield Mistake(p.paths[i], _names(p, tags.true[i]), _names(p, tags.said[i]), None)


def _names(p: Predictions, marked: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(p.classes[i] for i in np.flatnonzero(marked))
