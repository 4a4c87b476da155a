"""Sources joined: a logistic regression over what they say, pooled over all tags, of each set of sources that speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.decisions.label_thresholds import NOTHING_FITTED, fit_label_thresholds
from thawline.tasks.library.tagging.evidence import SOURCES, Array, Evidence

MOST_PAIRS: Final = 200_000  # of an entry and a tag that weights are fitted on
LEAST_PAIRS: Final = 20  # where the tag is there, and where it is not
_FEWEST = 8  # held-out entries with a tag that its own threshold is fitted on
_PENALTY = 1e3  # its inverse

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Weights:
    """What the prior and some of the sources count for.

    Attributes:
        sources: Which speak.
        weights: [numbers] of the prior and all that these say.
        bias: Added to the logit.
    """

    sources: tuple[str, ...]
    weights: Array
    bias: float

    def probabilities(self, evidence: Evidence) -> Array:
        """[n, t] of each tag."""
        logits = evidence.of(self.sources) @ self.weights + self.bias
        said: Array = 1 / (1 + np.exp(-logits))
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain."""
        return {"sources": list(self.sources), "weights": self.weights.tolist(), "bias": self.bias}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> "Weights":
        """What `to_json` gave."""
        return cls(tuple(map(str, value["sources"])), np.array(value["weights"], np.float64), float(value["bias"]))


def sets_of(sources: Sequence[str]) -> list[tuple[str, ...]]:
    """All sets of some of the sources, the largest last."""
    ordered = [source for source in SOURCES if source in sources]
    return [some for size in range(1, len(ordered) + 1) for some in combinations(ordered, size)]


def fit_weights(sources: tuple[str, ...], numbers: Array, true: BoolArray, asked: BoolArray) -> Weights | None:
    """Weights by entries that the sources did not learn from; None: there are too few.

    Args:
        sources: Which speak.
        numbers: [n, t, numbers] what they say of n entries and t tags, `Evidence.of`.
        true: [n, t] which tags each entry has.
        asked: [n, t] which are asked about: not those that a source was told.
    """
    from sklearn.linear_model import LogisticRegression  # late: scikit-learn takes a second to import

    some = slice(None, None, max(1, true.size // MOST_PAIRS))
    pairs, yes = numbers[some][asked[some]], true[some][asked[some]]
    if min(yes.sum(), (~yes).sum()) < LEAST_PAIRS:
        return None
    model = LogisticRegression(C=_PENALTY, solver="newton-cholesky").fit(pairs, yes)
    return Weights(sources, model.coef_[0].astype(np.float64), float(model.intercept_[0]))


def fit_thresholds(probabilities: Array, true: BoolArray, asked: BoolArray) -> Array:
    """[t] from which probability on a tag is suggested: that of its best F1; one for all tags that few entries have."""
    yes, said = true & asked, np.where(asked, probabilities, 0.0)
    common = NOTHING_FITTED
    if yes.any():
        common = float(fit_label_thresholds(yes.reshape(-1, 1), said.reshape(-1, 1))[0])
    thresholds = np.full(true.shape[1], common)
    enough = yes.sum(axis=0) >= _FEWEST
    if enough.any():
        thresholds[enough] = fit_label_thresholds(yes[:, enough], said[:, enough])
    return thresholds
