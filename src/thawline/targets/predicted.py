"""Judging and comparing what runs said: the one place where figures are made of predictions, whatever their target.

Whatever shows figures takes them from here.
"""

from thawline.judging.metrics import Judgement, judge_predictions
from thawline.judging.paired import PairedTest
from thawline.runs.predictions import Predictions
from thawline.targets.classes import Classes
from thawline.targets.scores import ScoresTarget
from thawline.targets.tags import TagsTarget
from thawline.targets.target import Mistake, Target


def target_of(p: Predictions) -> Target:
    """What `p` tells of a sample."""
    if p.scores is not None:
        return ScoresTarget()
    return Classes() if p.tags is None else TagsTarget()


def judge_said(p: Predictions, *, ranking: bool = True) -> Judgement:
    """How good the answers of `p` are.

    Args:
        p: What a run said.
        ranking: Whether how well its probabilities rank the samples is judged as well, which takes longest.
    """
    return target_of(p).judge(p, ranking=ranking)


def judge_answers(p: Predictions) -> Judgement:
    """How good the answers of `p` are where its probabilities mean nothing."""
    return judge_predictions(p.labels, p.said, p.groups, p.classes)


def judge_baseline(p: Predictions) -> Judgement:
    """How good the baseline of `p` is on its samples."""
    return target_of(p).judge_baseline(p)


def compare_said(a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
    """The paired test of the answers of `a` and `b`, which are of the same samples in the same order."""
    return target_of(a).compare(a, b, name_a, name_b)


def compare_baseline(p: Predictions, name: str, baseline: str) -> PairedTest:
    """The paired test of the answers of `p` and its baseline's."""
    return target_of(p).compare_baseline(p, name, baseline)


def same_truth(a: Predictions, b: Predictions) -> bool:
    """Whether `a` and `b`, which are of the same samples in the same order, are right by the same answers."""
    return type(target_of(a)) is type(target_of(b)) and target_of(a).same_truth(a, b)


def worst_mistakes(p: Predictions, most: int) -> list[Mistake]:
    """The wrong answers of `p` with the most conviction, each sample once, at most `most`."""
    once: dict[str, Mistake] = {}
    for mistake in target_of(p).mistakes(p):
        once.setdefault(mistake.path, mistake)
        if len(once) == most:
            break
    return list(once.values())
