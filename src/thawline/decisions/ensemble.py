"""Several models' scores as one: each calibrated to a distribution first, then a weighted mean (linear pooling).

Shapes: N samples, M members, C classes of the ensemble, K classes of one member. A row of NaN stands for a sample that
a member could not judge: the others' weights are renormalised there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.decisions.temperature import Temperature, calibrated, fit_temperature
from thawline.decisions.threshold import DecisionSettings, Threshold, fit_threshold
from thawline.errors import UserError

_LEAST = 1e-12  # a probability of exactly 0 has no logarithm
_ROUNDS, _GAP = 5000, 1e-6  # of Cover's algorithm; nats
_ONE_FOLD = "the runs judged one fold, and its samples are what they are judged by"


@dataclass(frozen=True, eq=False)
class Member:
    """What one model said.

    Attributes:
        probabilities: Of its own classes, [N, K]; NaN in the rows of samples that it could not judge.
        columns: The ensemble's class that each of its classes is, [K]; no class twice.
    """

    probabilities: NDArray[np.float32]
    columns: NDArray[np.int64]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which samples it judged, [N]."""
        return np.asarray(np.isfinite(self.probabilities).all(axis=1), dtype=np.bool_)


@dataclass(frozen=True)
class Deciding:
    """How two classes are told apart where it is not the most probable one that is answered.

    Attributes:
        how: What a threshold on the second class's probability is fitted for.
        own: The members' own thresholds, M, by which one fold is judged; empty where there are several.
    """

    how: DecisionSettings
    own: tuple[Threshold, ...] = ()


@dataclass(frozen=True, eq=False)
class Ensembled:
    """What an ensemble said of held-out samples, and what it is made of for use.

    Attributes:
        probabilities: [N, C]; NaN where no member judged the sample.
        members: Each member's calibrated probabilities, [M, N, C], NaN where it judged nothing.
        weights: For use, by all folds, [M]; they sum to 1.
        weights_by_fold: The weights that judged each fold, [M], by the fold's name.
        temperatures: For use, by all folds.
        thresholds: Those that judged each fold, by its name, and at `None` that for use; none where the most probable
            class is the answer.
    """

    probabilities: NDArray[np.float64]
    members: NDArray[np.float64]
    weights: NDArray[np.float64]
    weights_by_fold: dict[str, NDArray[np.float64]]
    temperatures: tuple[Temperature, ...]
    thresholds: dict[str | None, Threshold]

    def decided(self, folds: Sequence[str]) -> NDArray[np.int64] | None:
        """What the threshold of each sample's fold, N names, decides for, [N]; None: the most probable class."""
        if not self.thresholds:
            return None
        scores = self.probabilities[:, 1].astype(np.float32)
        edges = np.array([self.thresholds[name].value for name in folds])
        return np.asarray(scores.astype(np.float64) >= edges, dtype=np.int64)


def cross_judge(
    labels: NDArray[np.int64],
    folds: Sequence[str],
    members: Sequence[Member],
    weights: NDArray[np.float64] | None = None,
    deciding: Deciding | None = None,
) -> Ensembled:
    """Judge each fold by temperatures, weights and a threshold that are fitted on the other folds' probabilities.

    So no sample helps to choose what it is judged with; as in all stacking, the models that
    judged the other folds were trained on it (Wolpert, Neural Networks 5, 1992). What is for use is fitted on all
    folds. With one fold there is nothing to fit on: temperatures are 1, and the threshold is the weighted mean of the
    members' own, so that a member that has all the weight answers as it did.

    Args:
        labels: True class, [N].
        folds: The fold that judged each sample, N names.
        members: The models.
        weights: Given ones, [M], in place of fitted ones; they are renormalised.
        deciding: How the answer is decided; None: it is the most probable class.

    Raises:
        UserError: Weights are to be fitted and there is one fold, or no sample that all members judged.
    """
    names, classes = np.asarray(folds), 1 + max(int(member.columns.max()) for member in members)
    several = len(set(folds)) > 1
    if weights is None and not several:
        raise UserError(
            "the runs judged one fold, on which weights can't be both fitted and judged; give runs with cv=5, or "
            "weights=60/20/20"
        )

    def fitted(rows: NDArray[np.bool_]) -> tuple[list[Temperature], NDArray[np.float64], NDArray[np.float64]]:
        """Temperatures [M], all samples' calibrated probabilities [M, N, C] and weights [M], by the samples `rows`."""
        found = [
            _temperature(labels, member, rows) if several else Temperature(why_not=_ONE_FOLD) for member in members
        ]
        said = np.stack([member_probabilities(one, t.value, classes) for one, t in zip(members, found, strict=True)])
        return found, said, fit_weights(labels[rows], said[:, rows]) if weights is None else renormalise(weights)

    def decide(rows: NDArray[np.bool_], said: NDArray[np.float64], shares: NDArray[np.float64]) -> Threshold | None:
        """The threshold by the samples `rows`; None where none decides."""
        if deciding is None:
            return None
        if not several:
            return _mean_threshold(deciding, shares)
        scores = join(said[:, rows], shares)[:, 1].astype(np.float32)
        return fit_threshold(scores, labels[rows], deciding.how)

    every = np.zeros((len(members), len(labels), classes))
    joined = np.zeros((len(labels), classes))
    by_fold, thresholds = {}, dict[str | None, Threshold]()
    for name in sorted(set(folds)):
        judged = names == name
        _, said, shares = fitted(~judged)
        every[:, judged] = said[:, judged]
        joined[judged] = join(said[:, judged], shares)
        by_fold[name] = shares
        if threshold := decide(~judged, said, shares):
            thresholds[name] = threshold
    everything = np.ones(len(labels), dtype=np.bool_)
    temperatures, said, final = fitted(everything)
    if threshold := decide(everything, said, final):
        thresholds[None] = threshold
    return Ensembled(joined, every, final, by_fold, tuple(temperatures), thresholds)


def member_probabilities(member: Member, temperature: float, classes: int) -> NDArray[np.float64]:
    """A member's probabilities at `temperature`, spread over the ensemble's classes: [N, C]; others' classes get 0."""
    spread = np.full((len(member.probabilities), classes), np.nan)
    spread[member.present] = 0.0
    rows = np.flatnonzero(member.present)
    spread[np.ix_(rows, member.columns)] = renormalise(calibrated(member.probabilities[rows], temperature))
    return spread


def fit_weights(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights on the simplex, [M], whose mean of the members has the least log-loss.

    Convex in the weights: Cover's algorithm (IEEE Transactions on Information Theory 30, 1984) raises the likelihood
    in every step and stays on the simplex. It ends where the log-loss is within 1e-6 nats of the least, which the
    gradient bounds, or after 5,000 steps (within ln M / 5,000). Members that are alike share their weight.

    Args:
        labels: True class, [N].
        probabilities: [M, N, C]; samples that not all members judged take no part.

    Raises:
        UserError: There is no sample that all members judged.
    """
    true = probabilities[:, np.arange(len(labels)), labels]
    true = np.maximum(true[:, np.isfinite(true).all(axis=0)], _LEAST)
    if not true.size:
        raise UserError(
            "there is no sample that all the runs judged, so no weights can be fitted; give weights=60/20/20"
        )
    weights = np.full(len(true), 1 / len(true))
    for _ in range(_ROUNDS):
        gains = (true / (weights @ true)).mean(axis=1)  # 1 in each coordinate in use at the optimum, below it elsewhere
        if gains.max() - 1 < _GAP:
            break
        weights = renormalise(weights * gains)
    return weights


def join(probabilities: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighted mean of distributions [M, N, C] by weights [M], those of missing members renormalised: [N, C].

    Where the members that judged a sample have no weight at all they count alike; where none judged it, it is NaN.
    """
    present = np.asarray(np.isfinite(probabilities).all(axis=2))
    shares = weights[:, None] * present
    shares = np.where(shares.sum(axis=0) > 0, shares, present)  # [M, N]
    with np.errstate(invalid="ignore"):
        shares = shares / shares.sum(axis=0)
    mean: NDArray[np.float64] = np.einsum("mn,mnc->nc", shares, np.where(present[:, :, None], probabilities, 0.0))
    return mean


def how_joined(weights: Any, without: Sequence[str]) -> str:
    """The setting `weights` in words, and what had to be left out."""
    how = weights if isinstance(weights, str) else "/".join(f"{100 * float(share):g}" for share in weights)
    return f"ensemble ({', '.join([f'{how} weights', *(f'without {one}' for one in without)])})"


def renormalise(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values of 0 or more [..., n] that sum to 1 over the last axis.

    Raises:
        ValueError: They are all 0, or one is below 0.
    """
    wide = np.asarray(values, dtype=np.float64)
    sums = wide.sum(axis=-1, keepdims=True)
    if (wide < 0).any() or (sums <= 0).any():
        raise ValueError("shares must be 0 or more, and one of them more than 0")
    shared: NDArray[np.float64] = wide / sums
    return shared


def _mean_threshold(deciding: Deciding, shares: NDArray[np.float64]) -> Threshold:
    """The members' own thresholds by their shares [M], with what these attained."""
    value, attained = (float(shares @ [getattr(one, name) for one in deciding.own]) for name in ("value", "attained"))
    return Threshold(value, deciding.how.balance, attained, all(one.held for one in deciding.own))


def _temperature(labels: NDArray[np.int64], member: Member, rows: NDArray[np.bool_]) -> Temperature:
    """A member's temperature, by those of `rows` [N] that it judged."""
    judged = np.flatnonzero(rows & member.present)
    if not len(judged):
        return Temperature(why_not="it judged no sample of the other folds")
    own = np.full(1 + max(int(labels.max()), int(member.columns.max())), -1)
    own[member.columns] = np.arange(len(member.columns))
    mine = own[labels[judged]]
    if (mine < 0).any():
        raise ValueError("a member judged samples of a class that it does not have")
    return fit_temperature(mine, member.probabilities[judged], "out-of-fold")
