"""Which classes are confused."""

import numpy as np

from thawline.judging.intervals import proportion
from thawline.runs.predictions import Predictions
from thawline.tasks.photos.confusion import confused_classes


def test_the_shares_are_of_the_true_class_and_have_intervals_over_groups():
    labels = np.array([0] * 10 + [1] * 4 + [2] * 6)
    said = labels.copy()
    said[[0, 1, 2]], said[[3]], said[[10, 11]] = 1, 2, 0
    groups = np.arange(20) // 2
    p = Predictions(
        tuple(map(str, range(20))),
        groups,
        labels,
        ("holdout",) * 20,
        np.eye(3, dtype=np.float32)[said],
        labels,
        tuple("abc"),
    )
    found = confused_classes(p)
    assert [(one["class"], one["called"], one["count"]) for one in found] == [
        ("b", "a", 2),
        ("a", "b", 3),
        ("a", "c", 1),
    ]
    assert found[0]["share"] == proportion([True, True, False, False], [5, 5, 6, 6]).to_json()
    assert found[1]["share"] == proportion(said[:10] == 1, groups[:10]).to_json()
