"""A number: a quality, a rating. The mean absolute error is what is tested.

Of what is usual to say of such errors it is the one that is a mean over samples, in the scores' own unit, so that the
paired test and its interval are of the very figure that runs are ranked by; it is also what ordinal regression is
judged by (arXiv 1901.07884, section 4.3). One sample far off does not decide it, as it does the root of the mean
squared error.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from thawline.judging.intervals import Estimate, number_groups
from thawline.judging.metrics import FEW_GROUPS, Judgement
from thawline.judging.paired import PairedTest, compare_errors
from thawline.judging.scores import mean_absolute_error, r2, root_mean_squared_error, spearman
from thawline.runs.predictions import Predictions, Scores
from thawline.screen import format_number
from thawline.targets.target import Mistake

MAE = "mae"


class ScoresTarget:
    """Each sample has a score. The mean absolute error is what is tested."""

    def judge(self, p: Predictions, *, ranking: bool = True) -> Judgement:
        """Of how far the scores are off, and of whether they put the samples in order."""
        scores = _scores(p)
        return judge_scores(scores.true, scores.said, p.groups, ranking=ranking)

    def judge_baseline(self, p: Predictions) -> Judgement:
        """Of the mean: it is the same for all samples of a fold, so its order of them means nothing."""
        scores = _scores(p)
        return judge_scores(scores.true, scores.baseline, p.groups, ranking=False)

    def compare(self, a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
        """Of the absolute error of each sample."""
        return compare_errors(_scores(a).errors, _scores(b).errors, a.groups, name_a=name_a, name_b=name_b)

    def compare_baseline(self, p: Predictions, name: str, baseline: str) -> PairedTest:
        """Of the absolute error of each sample."""
        scores = _scores(p)
        return compare_errors(scores.errors, scores.baseline_errors, p.groups, name_a=name, name_b=baseline)

    def mistakes(self, p: Predictions) -> Iterator[Mistake]:
        """Those that are furthest off first."""
        scores = _scores(p)
        for i in np.argsort(-scores.errors, kind="stable"):
            if scores.errors[i] > 0:
                true, said = (format_number(float(each[i])) for each in (scores.true, scores.said))
                yield Mistake(p.paths[i], (true,), (said,), None)

    def same_truth(self, a: Predictions, b: Predictions) -> bool:
        """Whether the true scores are the same."""
        return bool(np.array_equal(_scores(a).true, _scores(b).true))


def _scores(p: Predictions) -> Scores:
    assert p.scores is not None  # noqa: S101  # `predicted.target_of` looked
    return p.scores


def judge_scores(true: ArrayLike, said: ArrayLike, groups: ArrayLike, *, ranking: bool = True) -> Judgement:
    """Judge scores. Nothing is drawn by chance.

    Args:
        true: The true score of each sample, [N], N at least 1.
        said: The score that it was said to have, [N].
        groups: Group of each sample, [N].
        ranking: Whether the order of the samples is judged too.
    """
    own, given = np.asarray(true, np.float64), np.asarray(said, np.float64)
    numbers, count = number_groups(groups)
    figures: dict[str, Estimate | None] = {
        MAE: mean_absolute_error(own, given, numbers),
        "rmse": root_mean_squared_error(own, given, numbers),
        "r2": r2(own, given, numbers),
    }
    if ranking:
        figures["spearman"] = spearman(own, given, numbers)
    few = f"The {len(own)} samples are of {count} groups only: with so few, the intervals are rough."
    return Judgement(
        classes=(),
        samples=len(own),
        groups=count,
        accuracy=None,
        balanced_accuracy=None,
        macro_f1=None,
        log_loss=None,
        per_class=(),
        confusion=None,
        calibration=None,
        notes=(few,) if count < min(len(own), FEW_GROUPS) else (),
        own=figures,
        headline=MAE,
    )
