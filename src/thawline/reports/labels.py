"""What runs are called beside each other: by the name that was given, otherwise by what tells them apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from thawline.reports.comparison import Entry
from thawline.reports.configs import differing, settings_that_differ

# What a run directory is called that nobody named.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d+)?")
_MOST_WORDS = 4
_LONGEST = 40  # characters of a value
_LATER = ("paths.", "logger.", "store.", "trainer.", "debug.", "hydra.", "name")


def labels_of(entries: Sequence[Entry]) -> dict[str, str]:
    """What each entry is called among these, by its name; no two are called the same.

    That is the setting `name` of its run, or the run directory's own name where somebody chose it. What is only a time
    is said by method, encoder and, among those that share both, the settings that differ.
    """
    labels = {entry.name: _given(entry) or describe(entry) for entry in entries}
    shared = Counter(labels.values())
    for label in [label for label, count in shared.items() if count > 1]:
        alike = [entry for entry in entries if labels[entry.name] == label]
        for name, words in _differences(alike).items():
            labels[name] = f"{label} ({', '.join(words)})" if words else label
    shared = Counter(labels.values())
    return {name: label if shared[label] == 1 else f"{label} ({name})" for name, label in labels.items()}


def describe(entry: Entry) -> str:
    """Method and encoder, in words."""
    return " on ".join(filter(None, (entry.method, entry.encoder.removeprefix("package:"))))


def _given(entry: Entry) -> str | None:
    if given := entry.config.get("name"):
        return str(given)
    return None if _TIMESTAMP.fullmatch(PurePath(entry.name).name) else entry.name


def _differences(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """For each entry the settings by which it differs from the others: the first few."""
    configs = {entry.name: entry.config for entry in entries}
    plotted = settings_that_differ(configs)
    found = {}
    for name, every in differing(configs).items():
        keys = [key for key in plotted[name] if not key.startswith(_LATER)]
        keys += [key for key in every if key not in keys and not key.startswith((*_LATER, "method.", "encoder."))]
        found[name] = [f"{_short(key)}={_cut(every[key])}" for key in keys[:_MOST_WORDS]]
    return found


def _short(key: str) -> str:
    """The last part of a key that tells by itself: `lr` of `method.lr`, `encoder` of `encoder.name`."""
    return key.removesuffix(".name").rpartition(".")[2]


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST else f"…{value[1 - _LONGEST :]}"
