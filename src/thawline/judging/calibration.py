"""Can probabilities be taken at their word? Confidence against accuracy, bin by bin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.judging.intervals import Estimate, FloatArray, IntArray, proportion


@dataclass(frozen=True)
class Bin:
    """Samples of like confidence.

    Attributes:
        low: the least confidence that belongs to the bin.
        high: the first that no longer does.
        samples: how many there are; at least 1.
        confidence: mean probability of the class that was said.
        accuracy: share that is right.
    """

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """How confidence and accuracy agree.

    Attributes:
        error: expected calibration error (Guo et al. 2017): mean gap between confidence and accuracy, weighted by
            samples. It is never below 0, so it is biased upwards with few samples, and no honest interval is known.
        bins: the bins that hold samples.
    """

    error: float
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"error": self.error, "bins": [asdict(one) for one in self.bins]}


def measure_calibration(
    labels: IntArray, probabilities: FloatArray, groups: npt.ArrayLike, *, said: IntArray, bins: int = 10
) -> Calibration:
    """Bin samples by the probability of their answers, in `bins` of equal width.

    Args:
        labels: True class, [N].
        probabilities: [N, C].
        groups: Group of each sample, [N].
        said: The answers, [N]: the most probable classes, or what a threshold decided for.
        bins: How many there are.
    """
    confidence, right = probabilities[np.arange(len(said)), said], said == labels
    owners = np.asarray(groups)
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    filled = []
    for number in np.unique(index).tolist():
        inside = index == number
        accuracy = proportion(right[inside], owners[inside])
        mean = float(confidence[inside].mean())
        filled.append(Bin(number / bins, (number + 1) / bins, int(inside.sum()), mean, accuracy))
    gaps = [one.samples * abs(one.confidence - one.accuracy.value) for one in filled]
    return Calibration(sum(gaps) / len(labels), tuple(filled))
