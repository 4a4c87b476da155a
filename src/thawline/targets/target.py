"""What a target says of predictions: how good they are, how they compare, which are wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from thawline.judging.metrics import Judgement
from thawline.judging.paired import PairedTest
from thawline.runs.predictions import Predictions

# What a run is compared with.
ZERO_SHOT, MAJORITY, MOST_USUAL = "zero-shot", "majority class", "most usual labels"
TRAINING_MEAN = "training mean"
GIVEN_PROMPTS = "given prompts"  # zero-shot by these, where a run chooses among more of them


@dataclass(frozen=True)
class Mistake:
    """A sample that was called wrong.

    Attributes:
        path: The sample.
        true: The class that it is of, or all its classes, or its score.
        said: The answer; none where it was said to have no class.
        sure: The probability of the answer; None where there can be several.
    """

    path: str
    true: tuple[str, ...]
    said: tuple[str, ...]
    sure: float | None


class Target(Protocol):
    """What is told of a sample."""

    def judge(self, p: Predictions, *, ranking: bool = True) -> Judgement:
        """How good the answers are; `ranking`: whether it is judged how well the probabilities rank the samples."""

    def judge_baseline(self, p: Predictions) -> Judgement:
        """How good the baseline is on the same samples."""

    def compare(self, a: Predictions, b: Predictions, name_a: str, name_b: str) -> PairedTest:
        """The paired test of the answers of `a` and `b`, which are of the same samples in the same order."""

    def compare_baseline(self, p: Predictions, name: str, baseline: str) -> PairedTest:
        """The paired test of the answers and the baseline's."""

    def mistakes(self, p: Predictions) -> Iterator[Mistake]:
        """The wrong answers, those with the most conviction first; a sample may come more than once."""

    def same_truth(self, a: Predictions, b: Predictions) -> bool:
        """Whether `a` and `b`, which are of the same samples in the same order, know the same of them."""
