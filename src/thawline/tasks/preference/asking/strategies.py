"""Which items to ask about next, as functions of arrays: each pick comes with its reason.

Features may be a memory map of 100,000 rows: they are gone over in chunks, and nothing as large is made of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from thawline.errors import UserError

Floats = NDArray[np.floating[Any]]

_CHUNK = 1024  # rows of features that are worked on at a time: they stay in a core's cache

_SURE = 0.25  # from this far from 0.5 on a probability is not called unsure


@dataclass(frozen=True)
class Pick:
    """An item to ask about.

    Attributes:
        row: Of the features.
        reason: Why, a phrase.
    """

    row: int
    reason: str


@dataclass(frozen=True, eq=False)
class Pool:
    """What there is to ask about, and what is known.

    Attributes:
        features: Of the items to ask about, [n, d].
        answered: Features of those answered already, [m, d]; m may be 0.
        probabilities: That each is liked, as the model says, [n]; None: there is no model yet.
        groups: Group of each, [n]: one of a group is asked about; a negative number is no group.
    """

    features: Floats
    answered: Floats
    probabilities: Floats | None
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the shapes."""
        n, d = self.features.shape
        if self.answered.ndim != 2 or self.answered.shape[1] != d or self.groups.shape != (n,):
            raise ValueError(f"features {self.features.shape}, {self.answered.shape}, groups {self.groups.shape}")
        if self.probabilities is not None and self.probabilities.shape != (n,):
            raise ValueError(f"{n} items and probabilities {self.probabilities.shape}")


def pick(strategy: str, pool: Pool, n: int, seed: int) -> list[Pick]:
    """At most `n` items of `pool` to ask about, in order; no two of one group.

    As long as nothing is answered, or there is no model, every strategy but `random` is `diversity`.

    Args:
        strategy: A key of `STRATEGIES`.
        pool: What there is.
        n: How many.
        seed: Fixes what is drawn.

    Raises:
        UserError: There is no such strategy.
    """
    if strategy not in STRATEGIES:
        raise UserError(f"strategy={strategy} is not known; use {', '.join(STRATEGIES)}")
    if strategy != "random" and (pool.probabilities is None or not len(pool.answered)):
        strategy = "diversity"
    asking = _Asking(pool, np.random.default_rng(seed))
    offers = STRATEGIES[strategy](asking)
    # One thread: passes over memory gain little from a second, and lose all where another process needs its core.
    with _threads().limit(limits=1):
        while len(asking.picked) < n and asking.free.any():
            asking.take(next(offers))
    return asking.picked


class _Asking:
    """One asking in the making: what may still be picked."""

    def __init__(self, pool: Pool, rng: np.random.Generator) -> None:
        self.pool = pool
        self.rng = rng
        self.free = np.ones(len(pool.features), dtype=np.bool_)
        self.picked: list[Pick] = []

    def take(self, one: Pick) -> None:
        """Pick `one`; the others of its group can't be picked any more."""
        self.picked.append(one)
        self.free[one.row] = False
        if (group := self.pool.groups[one.row]) >= 0:
            self.free &= self.pool.groups != group

    def best(self, worth: Floats) -> int:
        """The item of the greatest worth [n] that may be picked, of equals the first."""
        return int(np.where(self.free, worth, -np.inf).argmax())

    def drawn(self, weights: Floats) -> int:
        """An item that may be picked, drawn with chances as `weights` [n]; alike where all are 0."""
        free = np.flatnonzero(self.free)
        sums = np.cumsum(weights[free], dtype=np.float64)
        if not sums[-1] > 0:
            return int(self.rng.choice(free))
        return int(free[np.searchsorted(sums, self.rng.random() * sums[-1], side="right")])


# A strategy offers one item after the other; each is taken before the next is offered.
Strategy = Callable[[_Asking], Iterator[Pick]]


def uncertainty(asking: _Asking) -> Iterator[Pick]:
    """What the model is least sure of: the smallest margin to 0.5."""
    probabilities = _probabilities(asking)
    sureness = -np.abs(probabilities - 0.5)
    while True:
        index = asking.best(sureness)
        yield Pick(index, f"least sure: {probabilities[index]:.2f}")


def diversity(asking: _Asking) -> Iterator[Pick]:
    """K-centre greedy: what is farthest from all that is answered or picked (Sener and Savarese 2018)."""
    features, answered = asking.pool.features, asking.pool.answered
    squares = _squares(features)
    if len(answered):
        far = _distances(features, answered, squares)
        reason = "unlike anything answered so far"
    else:
        index = asking.best(-_distances(features, _mean(features)[None], squares))
        yield Pick(index, "typical of all, to begin with")
        far = _distances(features, features[[index]], squares)
        reason = "unlike anything asked so far"
    while True:
        index = asking.best(far)
        yield Pick(index, reason)
        np.minimum(far, _distances(features, features[[index]], squares), out=far)


def badge(asking: _Asking) -> Iterator[Pick]:
    """K-means++ seeding over gradient embeddings: unsure, and unlike each other (Ash et al. 2020).

    The embedding of an item is the gradient of a logistic head's loss if what it says is true: (p - y)·x, with x around
    the features' mean. The first pick has the longest, as in the authors' code.
    """
    features, probabilities = asking.pool.features, _probabilities(asking)
    slopes = (probabilities - (probabilities >= 0.5)).astype(np.float32)
    mean = _mean(features)
    along = _products(features, mean) - mean @ mean / 2
    lengths = slopes**2 * np.maximum(_squares(features) - 2 * along, 0)
    far = np.full(len(lengths), np.inf, np.float32)
    index = asking.best(lengths)
    while True:
        said = "not sure" if abs(probabilities[index] - 0.5) < _SURE else "rather sure"
        yield Pick(index, f"{said} ({probabilities[index]:.2f}), and unlike the others asked now")
        products = _products(features, features[index]) - along - along[index]
        apart = lengths + lengths[index] - 2 * slopes * slopes[index] * products
        np.minimum(far, np.maximum(apart, 0), out=far)
        index = asking.drawn(far)


def random(asking: _Asking) -> Iterator[Pick]:
    """Anything: what a model is wrongly sure of is found this way alone."""
    while True:
        yield Pick(asking.drawn(np.ones(len(asking.free))), "random, to keep exploring")


STRATEGIES: dict[str, Strategy] = {
    "uncertainty": uncertainty,
    "diversity": diversity,
    "badge": badge,
    "random": random,
}


@cache
def _threads() -> ThreadpoolController:
    """What NumPy computes with; looking for it takes longer than a small asking."""
    return ThreadpoolController()


def _probabilities(asking: _Asking) -> Floats:
    if asking.pool.probabilities is None:
        raise ValueError("there are no probabilities")
    return asking.pool.probabilities


def _chunks(features: Floats) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    for start in range(0, len(features), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, np.asarray(features[part], dtype=np.float32)


def _mean(features: Floats) -> NDArray[np.float32]:
    """[d]."""
    sums = sum(chunk.sum(axis=0, dtype=np.float64) for _, chunk in _chunks(features))
    return np.asarray(sums / max(1, len(features)), dtype=np.float32)


def _squares(features: Floats) -> NDArray[np.float32]:
    """The squared length of each row, [n]."""
    return np.concatenate([np.einsum("nd,nd->n", chunk, chunk) for _, chunk in _chunks(features)])


def _products(features: Floats, vector: Floats) -> NDArray[np.float32]:
    """The product of each row with `vector` [d], [n]."""
    return np.concatenate([chunk @ np.asarray(vector, np.float32) for _, chunk in _chunks(features)])


def _distances(features: Floats, centres: Floats, squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """The squared distance of each row to the nearest of `centres` [k, d], [n]; `squares` are the rows' own, [n]."""
    lengths, twice = _squares(centres), -2 * np.asarray(centres, dtype=np.float32).T
    nearest = np.empty(len(features), np.float32)
    for part, chunk in _chunks(features):
        apart = chunk @ twice
        apart += lengths
        nearest[part] = squares[part] + apart.min(axis=1)
    return np.maximum(nearest, 0)
