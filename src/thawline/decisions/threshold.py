"""A threshold on the score of the positive class, fitted for the balance of errors that is wanted."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.errors import UserError

BALANCES = ("accuracy", "f1", "precision")


@dataclass
class DecisionSettings:
    """What the threshold is fitted for, on inner samples.

    Attributes:
        balance: `accuracy`, `f1` (the best one), or `precision` (the lowest threshold that holds `precision`).
        precision: What `balance=precision` holds, 0 to 1.
    """

    balance: str = "f1"
    precision: float = 0.95

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.balance not in BALANCES:
            raise UserError(f"decision.balance={self.balance} is not known; use one of {', '.join(BALANCES)}")
        if not 0 < self.precision <= 1:
            raise UserError(f"decision.precision={self.precision} must be above 0 and at most 1")


@dataclass(frozen=True)
class Threshold:
    """From which score on the answer is positive.

    Attributes:
        value: The threshold.
        balance: What it was fitted for.
        attained: The figure that `balance` names, on the samples that it was fitted on.
        held: Whether a wanted precision was reached; where it was not, the most precise threshold was taken.
    """

    value: float
    balance: str
    attained: float
    held: bool = True

    def decide(self, scores: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which samples, of scores [n], are positive."""
        # In double precision: rounded to single, the threshold could fall on the score below it.
        return scores.astype(np.float64) >= self.value

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"value": self.value, "balance": self.balance, "attained": self.attained, "held": self.held}


def fit_threshold(
    scores: NDArray[np.floating], labels: NDArray[np.int64], how: DecisionSettings, *, lowest: float = 0.0
) -> Threshold:
    """The threshold that is best on samples that the model was not trained on; of equally good ones the highest.

    It lies half-way between two neighbouring scores, so that none of them sits on the edge.

    Args:
        scores: Of the positive class, [n]: probabilities, or others that are at most 1.
        labels: 1 for positive samples, [n].
        how: What it is to be best for.
        lowest: The lowest score that there can be.
    """
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    falling = scores[order].astype(np.float64)
    # The first k samples are called positive, and equal ones only together.
    ends = np.flatnonzero(np.append(np.diff(falling) != 0, True))
    hits, called = np.cumsum(labels[order] == 1)[ends], ends + 1
    edges = (falling[ends] + np.append(falling[ends[1:]], lowest)) / 2
    if how.balance == "accuracy":
        # To call none positive may be the most accurate; it has no precision, and an F1 of 0.
        above = (falling[0] + 1) / 2 if falling[0] < 1 else np.nextafter(np.float32(1), np.float32(2))
        hits, called, edges = np.append(0, hits), np.append(0, called), np.append(above, edges)
    figures = _figures(hits, called, labels, how.balance)
    best, held = int(figures.argmax()), True
    if how.balance == "precision":
        enough = np.flatnonzero(figures >= how.precision)
        held = len(enough) > 0
        best = int(enough[-1]) if held else best
    return Threshold(float(edges[best]), how.balance, float(figures[best]), held)


def _figures(
    hits: NDArray[np.int64], called: NDArray[np.int64], labels: NDArray[np.int64], balance: str
) -> NDArray[np.float64]:
    """What it attains to call so many samples positive, of which `hits` are, [candidates]."""
    positive = int((labels == 1).sum())
    if balance == "precision":
        return hits / called
    if balance == "f1":
        return 2 * hits / (called + positive)
    return (hits + len(labels) - positive - (called - hits)) / len(labels)
