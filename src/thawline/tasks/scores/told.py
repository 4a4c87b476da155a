"""Samples that have a score: what it is, how they are dealt out in a split, and what a fit says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thawline.data.class_report import FEW_GROUPS
from thawline.errors import UserError
from thawline.fitting.folds import Fold
from thawline.fitting.settings import GradientSettings, MethodSettings
from thawline.runs.predictions import Scores
from thawline.screen import format_number

if TYPE_CHECKING:
    from thawline.fitting.feature_set import FeatureSet
    from thawline.fitting.heads.head import DenseHead
    from thawline.fitting.tail import Tail

# Of so many different scores at most `method.loss=ordinal` makes answers, a cut between each and the next.
MOST_ANSWERS = 30
_STRATA = (5, 4, 3, 2)
# Networks compute in 32 bits: scores must be of a size that these hold, squared too, and their rounding, up to 6e-8 of
# a score, must be small beside what tells scores apart.
_LEAST, _MOST = 1e-18, 1e18
_CLOSEST = 1e-5


@dataclass(frozen=True, eq=False)
class ScoredSamples:
    """The scores of N samples.

    Attributes:
        scores: The score of each, [N].
        strata: By which part of the range of scores each is dealt out in a split, [N].
        names: What these parts are called, the lowest first.
    """

    scores: NDArray[np.float64]
    strata: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls, scores: NDArray[np.float64], groups: NDArray[np.int64], folds: int | None, where: object
    ) -> ScoredSamples:
        """Deal the samples out by as many quantiles of their scores as are each on groups enough for every fold.

        Args:
            scores: The score of each sample, [N].
            groups: The group of each, [N].
            folds: Of the cross-validation.
            where: The collection, for messages.

        Raises:
            UserError: All scores are the same, or can't be computed with in 32 bits.
        """
        if len(np.unique(scores)) < 2:
            raise UserError(f"all {len(scores)} scores of {where} are {scores[0]:g}; there is nothing to tell apart")
        _check_size(scores, where)
        return cls(scores, *_choose_strata(scores, groups, max(FEW_GROUPS, folds or 0)))

    @property
    def levels(self) -> NDArray[np.float64]:
        """The scores that there are, the least first, which the targets of a feature set number."""
        return self._numbered[0]

    def numbered(self, samples: FeatureSet, indices: NDArray[np.int64]) -> FeatureSet:
        """`samples`, which are of `indices`, with the number of each one's score for its target."""
        numbers = self._numbered[1][indices]
        return replace(samples, targets=numbers if samples.owners is None else numbers[samples.owners])

    def head(self, dim: int, method: MethodSettings, hidden: int | None, dropout: float) -> DenseHead:
        """A new head of scores over features of so many dimensions.

        Raises:
            UserError: The loss is for ordered answers, and the scores are too many.
        """
        from thawline.fitting.heads.scores import OrdinalHead, ScoreHead  # late: a check of scores needs no PyTorch

        if not (isinstance(method, GradientSettings) and method.loss == "ordinal"):
            return ScoreHead(dim, hidden=hidden, dropout=dropout)
        if len(self.levels) > MOST_ANSWERS:
            raise UserError(
                f"method.loss=ordinal is for ordered answers, at most {MOST_ANSWERS} different ones, and there are "
                f"{len(self.levels)} different scores; use method.loss=mse or huber"
            )
        return OrdinalHead(dim, self.levels, hidden=hidden, dropout=dropout)

    def with_levels(self, tail: Tail) -> Tail:
        """`tail`, which gives scores: its targets number them."""
        from thawline.fitting.tail import Tail  # late, as above

        return Tail(tail.stages, tail.head, levels=self.levels)

    def judged(self, fold: Fold, said: NDArray[np.float32], usual: float | None) -> Scores:
        """The scores of the samples that `fold` holds out, what was said, [n, 1], and the mean."""
        mean = float(self.scores[fold.train].mean()) if usual is None else float(usual)
        return Scores(self.scores[fold.test], said[:, 0].astype(np.float64), np.full(len(fold.test), mean))

    @cached_property
    def _numbered(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The scores that there are, and which is each sample's."""
        levels, numbers = np.unique(self.scores, return_inverse=True)
        return levels, numbers.reshape(-1).astype(np.int64)


def _check_size(scores: NDArray[np.float64], where: object) -> None:
    largest = float(np.abs(scores).max())
    if not _LEAST <= largest <= _MOST:
        raise UserError(
            f"the scores of {where} reach {largest:.3g}, and networks compute with {_LEAST:g} to {_MOST:g}; "
            f"{'divide' if largest > _MOST else 'multiply'} all by the same number"
        )
    if scores.std() < _CLOSEST * largest:
        least, most = (f"{each:.17g}" for each in (scores.min(), scores.max()))
        raise UserError(
            f"the scores of {where} lie between {least} and {most}, too close together for their size to be told apart "
            f"in the 32 bits that networks compute with; take {least} off each"
        )


def _choose_strata(
    scores: NDArray[np.float64], groups: NDArray[np.int64], fewest: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Parts of the range with about as many samples each, every one on at least `fewest` groups; one if need be."""
    for parts in _STRATA:
        edges = np.unique(np.quantile(scores, np.arange(1, parts) / parts))
        _, strata = np.unique(np.searchsorted(edges, scores, side="right"), return_inverse=True)
        strata = strata.reshape(-1).astype(np.int64)
        own = [scores[strata == i] for i in range(int(strata.max()) + 1)]
        if len(own) > 1 and min(len(np.unique(groups[strata == i])) for i in range(len(own))) >= fewest:
            return strata, tuple(f"{format_number(a.min())} to {format_number(a.max())}" for a in own)
    return np.zeros(len(scores), dtype=np.int64), ("all scores",)
