"""One of several classes: the most probable one, or what a threshold decided for."""

from collections.abc import Iterator

import numpy as np

from thawline.judging.metrics import Judgement, judge, judge_predictions
from thawline.judging.paired import PairedTest, compare
from thawline.runs.predictions import Predictions
from thawline.targets.target import Mistake


class Classes:
    """Each sample has one class. Accuracy is what is tested."""

    def judge(self, p: Predictions, *, ranking: bool = True) -> Judgement:
        """Of the answers and of all probabilities."""
        return judge(p.labels, p.probabilities, p.groups, p.classes, p.said, ranking=ranking)

    def judge_baseline(self, p: Predictions) -> Judgement:
        """Of the baseline's answers."""
        return judge_predictions(p.labels, p.baseline, p.groups, p.classes)

    def compare(self, a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
        """Of which answers are right."""
        return compare(np.ones(len(a.labels)), a.right, b.right, a.groups, name_a=name_a, name_b=name_b)

    def compare_baseline(self, p: Predictions, name: str, baseline: str) -> PairedTest:
        """Of which answers are right."""
        return compare(np.ones(len(p.labels)), p.right, p.baseline_right, p.groups, name_a=name, name_b=baseline)

    def mistakes(self, p: Predictions) -> Iterator[Mistake]:
        """Those that are not the true class, by their probability."""
        sure = p.probabilities[np.arange(len(p.said)), p.said]
        wrong = np.flatnonzero(~p.right)
        for i in wrong[np.argsort(-sure[wrong], kind="stable")]:
            yield Mistake(p.paths[i], (p.classes[p.labels[i]],), (p.classes[p.said[i]],), float(sure[i]))

    def same_truth(self, a: Predictions, b: Predictions) -> bool:
        """Whether the true classes are the same."""
        return bool(np.array_equal(a.labels, b.labels))
