"""Which of the methods that were tried is taken."""

import numpy as np
import pytest

from thawline.errors import UserError
from thawline.runs.predictions import Predictions
from thawline.tasks.preference.loop.choosing import Trial, choose
from thawline.tasks.preference.loop.settings import ChoosingSettings


def said(right, sure, n=100):
    """A trial that said of n photos, the first `right` of them rightly, with probability `sure` of the answer."""
    labels = np.arange(n) % 2
    answers = np.where(np.arange(n) < right, labels, 1 - labels)
    like = np.where(answers == 1, sure, 1 - sure)
    predictions = Predictions(
        paths=tuple(map(str, range(n))),
        groups=np.arange(n),
        labels=labels,
        folds=("fold0",) * n,
        probabilities=np.stack([1 - like, like], axis=1).astype(np.float32),
        baseline=np.zeros(n, dtype=np.int64),
        classes=("dislike", "like"),
    )
    return Trial(None, predictions)


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


@pytest.mark.parametrize("wrong", [{"thaw": 0}, {"least": 0}, {"seconds": -1.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=f"choosing.{next(iter(wrong))}="):
        ChoosingSettings(**wrong)
