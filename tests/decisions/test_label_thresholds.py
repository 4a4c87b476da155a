"""Thresholds of labels of which a sample can have several."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from thawline.decisions.label_thresholds import fit_label_thresholds


def test_thresholds_have_the_best_f1_and_say_nothing_where_nothing_is_known():
    truth = np.array([[1, 0, 1, 0], [1, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 1]], dtype=bool)
    scores = np.array([[0.9, 0.5, 0.1, 0.4], [0.6, 0.1, 0.2, 0.2], [0.4, 0.7, 0.3, 0.1], [0.2, 0.9, 0.4, 0.8]])
    assert fit_label_thresholds(truth, scores).tolist() == [0.6, 0.3, 0.3, 0.2]


@given(
    arrays(bool, 12),
    arrays(np.float64, 12, elements=st.floats(0, 1, width=16)),
    st.floats(0, 1),
)
def test_no_other_threshold_is_better(truth, scores, other):
    fitted = float(fit_label_thresholds(truth[:, None], scores[:, None])[0])
    if truth.any() and not truth.all():
        best = f1_score(truth, scores >= fitted, zero_division=0)
        assert best >= f1_score(truth, scores >= other, zero_division=0) - 1e-12
    else:
        assert fitted == 0.3
