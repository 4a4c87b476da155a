"""Judging and comparing what runs said, whether a sample has one class or several."""

import numpy as np

from thawline.judging.metrics import Judgement, judge, judge_predictions
from thawline.judging.paired import PairedTest, compare
from thawline.judging.tags import judge_tags
from thawline.runs.predictions import Predictions


def judge_said(p: Predictions) -> Judgement:
    """How good `p` is."""
    if p.tags is not None:
        return judge_tags(p.tags.true, p.tags.said, p.right, p.groups, p.classes, p.probabilities)
    return judge(p.labels, p.probabilities, p.groups, p.classes, p.said)


def judge_baseline(p: Predictions) -> Judgement:
    """How good the baseline of `p` is on its samples."""
    if p.tags is not None:
        return judge_tags(p.tags.true, p.tags.baseline, p.baseline_right, p.groups, p.classes)
    return judge_predictions(p.labels, p.baseline, p.groups, p.classes)


def compare_said(a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
    """The paired test of the answers of `a` and `b`, which are of the same samples in the same order."""
    return compare(np.ones(len(a.labels)), a.right, b.right, a.groups, name_a=name_a, name_b=name_b)


def compare_baseline(p: Predictions, name: str, baseline: str) -> PairedTest:
    """The paired test of the answers of `p` and its baseline's."""
    return compare(np.ones(len(p.labels)), p.right, p.baseline_right, p.groups, name_a=name, name_b=baseline)
