"""Which method is tried with how many answers, and which is taken."""

import numpy as np
import pytest

from thawline.runs.predictions import Predictions
from thawline.tasks.preference.choosing import choose, methods_for


@pytest.mark.parametrize(
    ("answers", "groups", "more", "names"),
    [
        ((0, 0), (0, 0), {"words": False, "blocks": True}, ("base",)),
        ((0, 0), (0, 0), {"words": True, "blocks": True}, ("prior",)),
        ((9, 3), (9, 1), {"words": True, "blocks": True}, ("prior",)),
        ((9, 3), (9, 2), {"words": True, "blocks": True}, ("logistic", "gda")),
        ((900, 49), (9, 9), {"words": False, "blocks": True}, ("logistic", "gda")),
        ((50, 50), (9, 9), {"words": False, "blocks": False}, ("logistic", "gda")),
        ((50, 50), (9, 9), {"words": False, "blocks": True}, ("logistic", "gda", "blocks")),
    ],
)
def test_what_is_tried_follows_from_how_much_was_answered(answers, groups, more, names):
    classes = ("dislike", "like")
    found = methods_for(dict(zip(classes, answers, strict=True)), dict(zip(classes, groups, strict=True)), **more)
    assert found == names


def said(right, sure, n=100):
    """Predictions of n photos of which the first `right` are right, with probability `sure` of the answer."""
    labels = np.arange(n) % 2
    answers = np.where(np.arange(n) < right, labels, 1 - labels)
    like = np.where(answers == 1, sure, 1 - sure)
    return Predictions(
        paths=tuple(map(str, range(n))),
        groups=np.arange(n),
        labels=labels,
        folds=("fold0",) * n,
        probabilities=np.stack([1 - like, like], axis=1).astype(np.float32),
        baseline=np.zeros(n, dtype=np.int64),
        classes=("dislike", "like"),
    )


def test_of_closed_forms_the_least_log_loss_is_taken_and_said():
    name, why = choose({"logistic": said(80, 0.99), "gda": said(80, 0.8)})
    assert name == "gda"
    assert why.startswith("gda has the least log-loss out of fold (logistic 0.9")
    assert choose({"logistic": said(80, 0.8), "gda": said(80, 0.8)})[0] == "logistic"


def test_blocks_are_taken_only_where_the_paired_test_calls_them_better():
    closed = {"logistic": said(80, 0.8), "gda": said(70, 0.8)}
    name, why = choose({**closed, "blocks": said(83, 0.99)})
    assert name == "logistic"
    assert "blocks are not better: blocks and logistic cannot be told apart" in why
    name, why = choose({**closed, "blocks": said(95, 0.6)})
    assert name == "blocks"
    assert why.startswith("blocks is better than logistic by 15.0 points")
    assert choose({**closed, "blocks": said(20, 0.6)})[0] == "logistic"
