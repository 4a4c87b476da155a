from dataclasses import replace

import numpy as np
import pytest
from tests.reports.made import predictions

from thawline.judging.curves import curves_of
from thawline.targets.predicted import judge_said


def made(scores, labels, threshold=0.5):
    scores = np.array(scores, dtype=np.float32)
    said = predictions(0, samples=len(scores), classes=("no", "yes"))
    return replace(
        said,
        labels=np.array(labels),
        groups=np.arange(len(scores)),
        probabilities=np.stack([1 - scores, scores], axis=1),
        decided=(scores >= threshold).astype(np.int64),
    )


def test_curves_pass_every_threshold_and_the_decision_is_the_runs_own():
    p = made([0.9, 0.8, 0.4, 0.2, 0.1], [1, 0, 1, 0, 0], threshold=0.3)
    curves = curves_of(p, judge_said(p))
    # One by one, from the highest score on: yes, no, yes, no, no.
    assert curves.roc.tolist() == [[0, 0], [0, 0.5], [1 / 3, 0.5], [1 / 3, 1], [1, 1]]
    assert [tuple(point) for point in curves.precision_recall] == [
        (0.5, 1.0),
        (0.5, 0.5),
        (1.0, pytest.approx(2 / 3)),
        (1.0, pytest.approx(0.4)),
    ]
    # From 0.3 on three are said to be yes, two of them rightly; by the most probable class it would be two.
    assert curves.decided_roc == (pytest.approx(1 / 3), 1.0)
    assert curves.decided_precision == (1.0, pytest.approx(2 / 3))
    assert curves.share == 0.4


def test_a_class_that_is_never_said_has_no_precision():
    p = made([0.9, 0.8, 0.4], [1, 0, 1], threshold=2.0)
    curves = curves_of(p, judge_said(p))
    assert (curves.decided_roc, curves.decided_precision) == ((0.0, 0.0), None)


def test_long_curves_are_thinned_between_their_ends():
    scores = np.linspace(0.01, 0.99, 3000)
    p = made(scores, np.arange(3000) % 2)
    curves = curves_of(p, judge_said(p))
    assert len(curves.roc) == len(curves.precision_recall) == 200
    assert curves.roc[[0, -1]].tolist() == [[0, 0], [1, 1]]
    assert (np.diff(curves.roc, axis=0) >= 0).all()


def test_where_classes_are_more_or_samples_of_one_alone_there_are_none():
    three = predictions(20, classes=("a", "b", "c"))
    assert curves_of(three, judge_said(three)) is None
    one = made([0.9, 0.8], [1, 1])
    assert curves_of(one, judge_said(one)) is None
