"""What a simulation says: quality over answers of each strategy, with intervals, and tests against random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from thawline.judging.intervals import Estimate, mean_of_repeats, proportion
from thawline.judging.paired import PairedTest, compare, compare_scores
from thawline.judging.wording import ALPHA
from thawline.tasks.preference.asking.replay import Course, Indices

BASELINE = "random"


@dataclass(frozen=True)
class Against:
    """A strategy compared with `random`, on the same held-out items of the same seeds; a seed is a group.

    Attributes:
        each: The accuracies after each round.
        overall: The mean accuracy over all rounds after the first, which is the same for every strategy.
        p_value: That of `overall`, by Holm's correction for the number of strategies compared.
    """

    each: tuple[PairedTest, ...]
    overall: PairedTest
    p_value: float

    @property
    def beats(self) -> bool:
        """Whether the strategy is better, the others being tried as well."""
        return self.p_value < ALPHA and self.overall.difference.value > 0

    @property
    def loses(self) -> bool:
        """Whether it is worse."""
        return self.p_value < ALPHA and self.overall.difference.value < 0


@dataclass(frozen=True)
class Curve:
    """One strategy over all seeds.

    Attributes:
        strategy: Its name.
        accuracy: After each round, of the true answers.
        auc: The area under the ROC curve after each round, the mean over seeds.
        against: Its test; None for `random` itself.
    """

    strategy: str
    accuracy: tuple[Estimate, ...]
    auc: tuple[Estimate, ...]
    against: Against | None = None

    def to_json(self, goals: Sequence[int]) -> dict[str, Any]:
        """A plain dict; `goals` are the numbers of answers."""
        points = [
            {"answers": goal, "accuracy": accuracy.to_json(), "auc": auc.to_json()}
            | ({"against_random": self.against.each[i].to_json()} if self.against else {})
            for i, (goal, accuracy, auc) in enumerate(zip(goals, self.accuracy, self.auc, strict=True))
        ]
        overall = {}
        if self.against is not None:
            test, p_value = self.against.overall.to_json(), self.against.p_value
            overall = {"against_random": {**test, "p_value_of_all": p_value, "beats_random": self.against.beats}}
        return {"points": points, **overall}


def judge_courses(courses: Mapping[str, Sequence[Course]], liked: Indices) -> list[Curve]:
    """Judge the courses of each strategy, which have the same seeds in the same order.

    Args:
        courses: By strategy; `random` is one.
        liked: The true answer of each item of the collection: 0 or 1, [N].
    """
    truth = np.concatenate([liked[course.judged] for course in courses[BASELINE]])
    seeds = np.concatenate([np.full(len(course.judged), course.seed) for course in courses[BASELINE]])
    said = {name: np.concatenate([course.said for course in some], axis=1) for name, some in courses.items()}
    decided = {name: (all_ >= 0.5).astype(np.int64) for name, all_ in said.items()}
    overall = {
        name: compare_scores(
            _share_right(decided[name], truth), _share_right(decided[BASELINE], truth), seeds, name_a=name,
            name_b=BASELINE,
        )
        for name in courses
        if name != BASELINE
    }  # fmt: skip
    corrected = dict(zip(overall, holm([test.p_value for test in overall.values()]), strict=True))
    curves = []
    for name, some in courses.items():
        against = None
        if name != BASELINE:
            pairs = zip(decided[name], decided[BASELINE], strict=True)
            each = tuple(compare(truth, a, b, seeds, name_a=name, name_b=BASELINE) for a, b in pairs)
            against = Against(each, overall[name], corrected[name])
        accuracy = tuple(proportion(one == truth, seeds) for one in decided[name])
        curves.append(Curve(name, accuracy, _areas(some, liked), against))
    return curves


def areas(course: Course, liked: Indices) -> NDArray[np.float64]:
    """The area under the ROC curve after each round, [rounds]."""
    return np.array([roc_auc_score(liked[course.judged], said) for said in course.said])


def accuracies(course: Course, liked: Indices) -> NDArray[np.float64]:
    """The share of right answers after each round, [rounds]."""
    right: NDArray[np.float64] = ((course.said >= 0.5) == liked[course.judged]).mean(axis=1)
    return right


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values as they are when any one that is small by chance would count (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(factors * np.asarray(p_values)[order]))
    return [float(value) for value in corrected]


def verdict(curves: Sequence[Curve]) -> str:
    """Which strategies beat random, or that none does, and which lose to it; a sentence."""
    better = [curve.strategy for curve in curves if curve.against and curve.against.beats]
    worse = [curve.strategy for curve in curves if curve.against and curve.against.loses]
    tried = sum(curve.against is not None for curve in curves)
    if not tried:
        return "Nothing was compared with random."
    seeds = next(curve.against.overall.groups for curve in curves if curve.against)
    if tried * 2.0 ** (1 - seeds) >= ALPHA:  # what the test says where every seed is on one side
        return f"{seeds} seeds are too few to tell any strategy from random; use seeds=10 or more."
    says = (
        f"{_named(better)} {'beats' if len(better) == 1 else 'beat'} random" if better else "No strategy beats random"
    )
    loses = f"{_named(worse)} {'loses' if len(worse) == 1 else 'lose'} to it" if worse else ""
    return f"{'; '.join(filter(None, [says, loses]))} ({tried} tried, Holm's correction)."


def _named(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def saved(curve: Curve, baseline: Curve, goals: Sequence[int]) -> int | None:
    """With how few answers a strategy is as good as random with all of them; None where it takes all."""
    last = baseline.accuracy[-1].value
    reached = next((g for g, one in zip(goals, curve.accuracy, strict=True) if one.value >= last), None)
    return None if reached is None or reached == goals[-1] else reached


def _share_right(decided: Indices, truth: Indices) -> NDArray[np.float64]:
    """In how many of the rounds after the first each item is judged right, a share; of the first where it is alone."""
    right = (decided if len(decided) == 1 else decided[1:]) == truth
    shares: NDArray[np.float64] = right.mean(axis=0)
    return shares


def _areas(courses: Sequence[Course], liked: Indices) -> tuple[Estimate, ...]:
    values = np.stack([areas(course, liked) for course in courses])
    return tuple(mean_of_repeats(one) for one in values.T)
