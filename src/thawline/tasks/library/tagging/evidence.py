"""What each source says of each tag, as numbers that a logistic regression weighs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

CO_OCCURRENCE, TEXT, IMAGE = "co-occurrence", "text", "image"
SOURCES: Final = (CO_OCCURRENCE, TEXT, IMAGE)

_LEAST = 0.003  # a score, and a probability, that counts for nothing
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Of n entries and t tags.

    Attributes:
        prior: [t] the logit of how many entries have each.
        by: Of each source that speaks [n, t, numbers].
    """

    prior: Array
    by: dict[str, Array]

    def of(self, sources: tuple[str, ...]) -> Array:
        """[n, t, numbers] of the prior and some of the sources, which speak."""
        parts = [self.by[source] for source in sources]
        entries = len(parts[0])
        prior = np.broadcast_to(self.prior[None, :, None], (entries, len(self.prior), 1))
        return np.concatenate([prior, *parts], axis=2)

    def rows(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> "Evidence":
        """The same of some of the entries."""
        return Evidence(self.prior, {source: numbers[which] for source, numbers in self.by.items()})


def prior_of(counts: npt.NDArray[np.int64], entries: int) -> Array:
    """[t] the logit of how many of the entries have each tag."""
    share = (counts + 0.5) / (entries + 1)
    return np.log(share / (1 - share))


def text_evidence(scores: Array, named: Array, prior: Array) -> Array:
    """[n, t, 3] of what a regression on words says [n, t], and whether a text names a tag [n, t]."""
    share = _share(prior)
    return np.stack([np.log(np.maximum(scores, _LEAST) / share), scores - share, named], axis=-1)


def image_evidence(probabilities: Array, prior: Array) -> Array:
    """[n, t, 2] of the probabilities that an image model gives, [n, t]; NaN: it does not tell that tag."""
    share = _share(prior)
    said = np.where(np.isnan(probabilities), share, probabilities)
    return np.stack([np.log(np.maximum(said, _LEAST) / np.maximum(share, _LEAST)), said - share], axis=-1)


def together_evidence(scores: Array, prior: Array, known: Array) -> Array:
    """[n, t, 2] of naive Bayes over other tags, [n, t], of which an entry has so many, [n].

    Tags that come together are not independent, so the more there are the less each may count.
    """
    gain = np.where(np.isneginf(scores), 0.0, scores - np.log(_share(prior)))
    return np.stack([gain, gain / np.maximum(known, 1)[:, None]], axis=-1)


def _share(prior: Array) -> Array:
    return 1 / (1 + np.exp(-prior))
