"""One number that makes probabilities as sure as they are right (Guo et al., arXiv 1706.04599, section 4.2)."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOWEST, _HIGHEST = 0.05, 20.0
# Standard deviation of a normal prior on ln T. Without it, where a model is right of all of a few samples, the lower
# the temperature the better, without end; a hundred samples that say otherwise outweigh it.
_PRIOR = math.log(2)
_LEAST = 1e-30  # a probability of exactly 0 has no logarithm


@dataclass(frozen=True)
class Temperature:
    """What logits are divided by.

    Attributes:
        value: Above 1: the model was too sure. 1: as it is.
        fitted_on: What the samples were to the model: `inner` (of the run's training side, but not trained on) or
            `out-of-fold`; None: there were none that it had not been trained on, so nothing was fitted.
        samples: How many.
        log_loss: Mean of -ln p(true class) on them, nats, before and after.
        why_not: Why nothing was fitted, one phrase; None where it was.
    """

    value: float = 1.0
    fitted_on: str | None = None
    samples: int = 0
    log_loss: tuple[float, float] | None = None
    why_not: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def fit_temperature(labels: NDArray[np.int64], probabilities: NDArray[np.float32], fitted_on: str) -> Temperature:
    """The most probable temperature by labels [N] and probabilities [N, classes], whose log-loss it never raises."""
    from scipy.optimize import minimize_scalar  # late: half a second, and what answers fits nothing

    logits = _logarithms(probabilities)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return float(-np.mean(_log_softmax(logits / np.exp(log_temperature))[rows, labels]))

    def surprise(log_temperature: float) -> float:
        return len(labels) * loss(log_temperature) + (log_temperature / _PRIOR) ** 2 / 2

    found = minimize_scalar(surprise, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded")
    value = round(float(np.exp(found.x)), 4)
    return Temperature(value, fitted_on, len(labels), (loss(0.0), loss(float(np.log(value)))))


def calibrated(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """`probabilities` [N, classes] at `temperature`; the order of the classes stays."""
    said: NDArray[np.float32] = np.exp(_log_softmax(_logarithms(probabilities) / temperature)).astype(np.float32)
    return said


def _logarithms(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logits are known up to a number for each row, which a softmax does not see: ln p are logits."""
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    return logs


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs
