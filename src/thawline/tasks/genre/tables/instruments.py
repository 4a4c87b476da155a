"""Which instruments play: a network's label scores to the project's instruments, by an explicit table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from thawline.decisions.label_thresholds import NOTHING_FITTED
from thawline.tasks.genre.tables.reading import comparable, table


@dataclass(frozen=True)
class DetectedInstruments:
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


def hear(scores: Mapping[str, float], thresholds: Mapping[str, float] | None = None) -> DetectedInstruments:
    """The instruments of which a label reaches its threshold.

    Args:
        scores: Score of each label, 0 to 1; those that are no instrument's are passed over.
        thresholds: Threshold of each label; 0.3 for those that are not in it.
    """
    heard: dict[str, float] = {}
    for label, score in scores.items():
        instrument = instrument_of(label)
        if instrument is not None and score >= (thresholds or {}).get(label, NOTHING_FITTED):
            heard[instrument] = max(float(score), heard.get(instrument, 0.0))
    heard = dict(sorted(heard.items(), key=lambda item: (-item[1], item[0])))
    sounds = {_table()[name].get("sound") for name in heard}
    return DetectedInstruments(heard, next(iter(heard), None), "acoustic" in sounds, "electronic" in sounds)


@cache
def _table() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = table("instruments.yaml")["instruments"]
    return found


@cache
def _by_key() -> dict[str, str]:
    """Each label and name, as it is compared, to the instrument."""
    names = {name: (name, *entry["labels"], *entry.get("also", ())) for name, entry in _table().items()}
    return {comparable(each): name for name, some in names.items() for each in some}
