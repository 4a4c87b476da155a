"""What a bundle keeps of the samples that its model was trained on, so as to know them again: digests, no names."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thawline.bundles.manifest import TRAINED, refusal
from thawline.data.tracks.groups import album_digest, artist_digest
from thawline.files import read_json, write_text
from thawline.runs.split import SplitRow

# What samples are known by; a column that none of them has is left out.
_COLUMNS = ("digest", "phash", "text", "artist", "album")
_HEX = re.compile(r"([0-9a-f]{8})*")


@dataclass(frozen=True)
class Trained:
    """What a model was trained on.

    Attributes:
        samples: What each is known by. Paths, labels and groups are empty, artists and albums are digests.
        counts: How many have each label.
    """

    samples: tuple[SplitRow, ...]
    counts: Mapping[str, int]


def trained_on(rows: Sequence[SplitRow]) -> Trained:
    """What is kept of `rows`, the samples that a model was trained on. Their order is not."""
    known = {
        (row.digest, row.phash, row.text, artist_digest(row.artist or None), album_digest(row.album or None))
        for row in rows
    }
    return Trained(tuple(map(_sample, sorted(known))), dict(sorted(Counter(row.label for row in rows).items())))


def join_trained(parts: Sequence[Trained]) -> Trained:
    """What the members of an ensemble were trained on, together."""
    counts = Counter[str]()
    for part in parts:
        counts.update(part.counts)
    return Trained(tuple(dict.fromkeys(row for part in parts for row in part.samples)), dict(counts))


def write_trained(folder: Path, trained: Trained) -> None:
    """Write it into the bundle in `folder`, which is not sealed yet."""
    columns = {name: [getattr(row, name) for row in trained.samples] for name in _COLUMNS}
    held = {name: column for name, column in columns.items() if any(column)}
    said = {"counts": dict(trained.counts), "samples": held}
    write_text(folder / TRAINED, json.dumps(said, separators=(",", ":"), ensure_ascii=False) + "\n")


def read_trained(folder: Path) -> Trained | None:
    """What the model of the verified bundle in `folder` was trained on; None: an older one, which does not tell.

    Raises:
        UserError: The file is of another form.
    """
    if not (folder / TRAINED).exists():
        return None
    try:
        return _parsed(read_json(folder / TRAINED))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refusal(folder, f"{TRAINED} does not tell what it was trained on") from error


def _parsed(said: Any) -> Trained:
    columns = {name: list(column) for name, column in said["samples"].items()}
    if odd := set(columns).difference(_COLUMNS):
        raise ValueError(f"it has {min(odd)}")
    if not all(_HEX.fullmatch(value) for column in columns.values() for value in column):
        raise ValueError("something in it is no digest")
    count = len(columns["digest"])
    rows = zip(*(columns.get(name, [""] * count) for name in _COLUMNS), strict=True)
    counts = {str(name): int(number) for name, number in said["counts"].items()}
    return Trained(tuple(map(_sample, rows)), counts)


def _sample(values: Sequence[str]) -> SplitRow:
    digest, phash, text, artist, album = values
    return SplitRow("", digest, phash, label="", group=0, fold="", text=text, artist=artist, album=album)
