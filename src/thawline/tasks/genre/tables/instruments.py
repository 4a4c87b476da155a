"""Which instruments play: a network's label scores to the project's instruments, by an explicit table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thawline.tasks.genre.tables.reading import comparable, table

THRESHOLD = 0.3  # of a label, where nothing was fitted


@dataclass(frozen=True)
class Heard:
    """The instruments that were heard.

    Attributes:
        instruments: The score of each, 0 to 1, the highest first.
        primary: The one with the highest score; None where there is none.
        has_acoustic: Whether one of them is acoustic.
        has_electronic: Whether one of them is electronic.
    """

    instruments: dict[str, float]
    primary: str | None
    has_acoustic: bool
    has_electronic: bool


@cache
def audioset_labels() -> tuple[str, ...]:
    """AudioSet's 527 labels in the order of its label file."""
    lines = (files(__package__) / "audioset_labels.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def instruments() -> tuple[str, ...]:
    """The project's instruments."""
    return tuple(_table())


def labels_of(instrument: str) -> tuple[str, ...]:
    """The AudioSet labels of `instrument`.

    Raises:
        KeyError: The table has no such instrument.
    """
    return tuple(_table()[instrument]["labels"])


def instrument_of(label: str) -> str | None:
    """The instrument that `label`, AudioSet's or another name of it, stands for; None where it is none."""
    return _by_key().get(comparable(label))


def hear(scores: Mapping[str, float], thresholds: Mapping[str, float] | None = None) -> Heard:
    """The instruments of which a label reaches its threshold.

    Args:
        scores: Score of each label, 0 to 1; those that are no instrument's are passed over.
        thresholds: Threshold of each label; 0.3 for those that are not in it.
    """
    heard: dict[str, float] = {}
    for label, score in scores.items():
        instrument = instrument_of(label)
        if instrument is not None and score >= (thresholds or {}).get(label, THRESHOLD):
            heard[instrument] = max(float(score), heard.get(instrument, 0.0))
    heard = dict(sorted(heard.items(), key=lambda item: (-item[1], item[0])))
    sounds = {_table()[name].get("sound") for name in heard}
    return Heard(heard, next(iter(heard), None), "acoustic" in sounds, "electronic" in sounds)


def fit_thresholds(truth: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The threshold of each label with the highest F1, to be used as `scores >= threshold`, [labels].

    A label that is on no sample, or on every one, keeps 0.3: its samples say nothing of where to cut.

    Args:
        truth: Which labels are on which samples, [samples, labels].
        scores: The network's scores of the same, on inner data, [samples, labels].
    """
    from sklearn.metrics import precision_recall_curve  # late: scikit-learn takes a second to import

    fitted = np.full(truth.shape[1], THRESHOLD)
    for i in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        precision, recall, thresholds = precision_recall_curve(truth[:, i], scores[:, i])
        # The curve ends in a point without a threshold.
        both = precision[:-1] + recall[:-1]
        f1 = np.divide(2 * precision[:-1] * recall[:-1], both, out=np.zeros_like(both), where=both > 0)
        fitted[i] = thresholds[f1.argmax()]
    return fitted


@cache
def _table() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = table("instruments.yaml")["instruments"]
    return found


@cache
def _by_key() -> dict[str, str]:
    """Each label and name, as it is compared, to the instrument."""
    names = {name: (name, *entry["labels"], *entry.get("also", ())) for name, entry in _table().items()}
    return {comparable(each): name for name, some in names.items() for each in some}
