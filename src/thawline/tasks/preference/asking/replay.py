"""A collection whose answers are known, asked about as a strategy would: what simulation is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.feature_set import Features, FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods.logistic import fit_logistic
from thawline.fitting.settings import LogisticSettings
from thawline.fitting.tail import Tail, predict
from thawline.tasks.preference.asking.settings import Rounds
from thawline.tasks.preference.asking.strategies import Pool, pick

Indices = NDArray[np.int64]


class HeldFeatures:
    """Features in memory, as the store's rows give them."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        """Keep `matrix`, [N, d]."""
        self.matrix = matrix
        self._tensor = torch.from_numpy(matrix)

    def __len__(self) -> int:
        return len(self.matrix)

    def __getitem__(self, indices: Indices) -> Features:
        """Those of the items `indices`, batch first."""
        return {"features": self._tensor[torch.from_numpy(indices)]}


@dataclass(frozen=True, eq=False)
class LabelledItems:
    """Items whose true answers are known.

    Attributes:
        features: Of each, [N, d].
        groups: Group of each, [N].
        liked: Whether each is liked in truth: 0 or 1, [N].
        weights: How much the true answer of each counts in a training, [N].
    """

    features: HeldFeatures
    groups: Indices
    liked: Indices
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What is answered of each item, right or wrong, [N] each."""

    liked: Indices
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """How one strategy went with one seed.

    Attributes:
        strategy: Its name.
        seed: Of everything that was drawn.
        asked: What was asked about, in order.
        judged: The items held out, [t].
        said: The probability that each of these is liked, after each round, [rounds, t].
    """

    strategy: str
    seed: int
    asked: Indices
    judged: Indices
    said: NDArray[np.float64]


def answer(known: LabelledItems, wrong: float, rng: np.random.Generator) -> Answers:
    """The true answers, each wrong with the chance `wrong`: a wrong one counts once."""
    mistaken = rng.random(len(known.liked)) < wrong
    return Answers(np.where(mistaken, 1 - known.liked, known.liked), np.where(mistaken, 1.0, known.weights))


def replay(
    known: LabelledItems,
    answers: Answers,
    held_out: NDArray[np.bool_],
    strategy: str,
    rounds: Rounds,
    method: LogisticSettings,
    seed: int,
) -> Course:
    """Ask about items by `strategy`, fit after each round, and say what is thought of those held out.

    Args:
        known: The items.
        answers: What is answered of them.
        held_out: Which are judged and never asked about, [N].
        strategy: A key of `STRATEGIES`.
        rounds: How often; there must be as many items to ask about.
        method: The logistic regression.
        seed: Fixes the first items, which are the same for every strategy, what a strategy draws, and inner folds.
    """
    free, judged = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    asked: list[int] = []
    said: list[NDArray[np.float64]] = []
    probabilities: NDArray[np.float64] | None = None
    for number, goal in enumerate(rounds.goals):
        while len(asked) < goal:  # more than once where what is left is in fewer groups
            open_ = ~np.isin(free, asked)
            pool = Pool(
                features=known.features.matrix[free[open_]],
                answered=known.features.matrix[asked],
                probabilities=None if probabilities is None else probabilities[: len(free)][open_],
                groups=known.groups[free[open_]],
            )
            drawn = np.random.SeedSequence([seed, number, len(asked)]).generate_state(1)[0]
            picks = pick(strategy if number else "random", pool, goal - len(asked), int(drawn))
            asked += free[open_][[one.row for one in picks]].tolist()
        everyone = np.concatenate([free, judged])
        probabilities = fitted(known, answers, np.array(asked), everyone, method, seed)
        said.append(_or_share(probabilities, answers.liked[asked], everyone)[len(free) :])
    return Course(strategy, seed, np.array(asked), judged, np.stack(said))


def fitted(
    known: LabelledItems, answers: Answers, asked: Indices, of: Indices, method: LogisticSettings, seed: int
) -> NDArray[np.float64] | None:
    """The probability that the items `of` are liked, by a fit on what was `asked`; None where that got one answer."""
    liked = answers.liked[asked]
    if len(np.unique(liked)) < 2:
        return None
    tail = Tail(nn.Identity(), DenseHead(known.features.matrix.shape[1], 2))
    train = FeatureSet(known.features, asked, liked, known.groups[asked], weights=answers.weights[asked])
    tail.load_state_dict(fit_logistic(tail, train, None, method, seed).state)
    said = predict(tail, FeatureSet(known.features, of, known.liked[of], known.groups[of]))
    return said[:, 1].astype(np.float64)


def _or_share(
    probabilities: NDArray[np.float64] | None, liked: Indices, of: Sequence[int] | Indices
) -> NDArray[np.float64]:
    """The probabilities; where there is no model yet, the one answer that was ever given, of all."""
    return np.full(len(of), liked.mean()) if probabilities is None else probabilities
