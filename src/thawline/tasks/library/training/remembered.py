"""What a training keeps for the next: the words of each entry, and the digest of what they were taken from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.files import write_atomically
from thawline.tasks.library.patterns.words import Texts
from thawline.tasks.library.training.gathered import Digests

FILE: Final = "texts.npz"
_EDITION = 1  # raised when texts are cut into other words


@dataclass(frozen=True)
class Remembered:
    """Texts as a training before saw them.

    Attributes:
        ids: [n] of the entries.
        digests: [n] of what their texts were.
        texts: [n] as numbers of words.
        figures: What was measured then.
    """

    ids: list[str]
    digests: Digests
    texts: Texts
    figures: dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """How a library differs from what was remembered.

    Attributes:
        place: [n] where each entry is among those remembered; -1: it is new or changed.
        new: Entries that were not there.
        changed: Entries that say something else now.
        gone: Entries that are there no more.
    """

    place: npt.NDArray[np.int64]
    new: int
    changed: int
    gone: int

    @property
    def kept(self) -> int:
        """Entries that are as they were."""
        return int((self.place >= 0).sum())

    @property
    def none(self) -> bool:
        """Whether all is as it was."""
        return not (self.new or self.changed or self.gone)

    def to_json(self) -> dict[str, int]:
        """As a report has it."""
        return {"new": self.new, "changed": self.changed, "gone": self.gone, "kept": self.kept}

    @property
    def sentence(self) -> str:
        """In words."""
        if self.none:
            return f"nothing new in {self.kept} entries"
        parts = [f"{self.new} new"]
        parts += [f"{self.changed} changed"] if self.changed else []
        parts += [f"{self.gone} gone"] if self.gone else []
        parts += [f"{self.kept} taken from before"] if self.kept else []
        return f"{', '.join(parts)}"


def compare(ids: list[str], digests: Digests, before: Remembered | None) -> Changes:
    """What is new in entries `ids` [n] with `digests` [n]."""
    if before is None:
        return Changes(np.full(len(ids), -1, np.int64), len(ids), 0, 0)
    at = {id_: number for number, id_ in enumerate(before.ids)}
    where = np.array([at.get(id_, -1) for id_ in ids], np.int64)
    there = where >= 0
    same = there.copy()
    same[there] = before.digests[where[there]] == digests[there]
    known = int(there.sum())
    return Changes(np.where(same, where, -1), len(ids) - known, known - int(same.sum()), len(before.ids) - known)


def read_remembered(folder: Path) -> Remembered | None:
    """What a training before kept; None: there was none, it cut words another way, or its file is damaged."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            about = json.loads(bytes(file["about"]))
            if about["edition"] != _EDITION:
                return None
            texts = Texts(["", *_split(file["words"])], file["numbers"], file["ends"], file["lengths"])
            remembered = Remembered(_split(file["ids"]), file["digests"], texts, about["figures"])
    except Exception:  # whatever a damaged archive makes NumPy say; all is learnt anew then
        return None
    return remembered if _is_whole(remembered) else None


def remembered_ids(folder: Path) -> frozenset[str]:
    """The entries that a training before saw; none where that can't be told."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            return frozenset(_split(file["ids"]))
    except Exception:  # whatever a damaged archive makes NumPy say
        return frozenset()


def write_remembered(folder: Path, remembered: Remembered) -> None:
    """Keep it for the next training, complete or not at all. No pickle is written."""
    about = json.dumps({"edition": _EDITION, "figures": remembered.figures}, sort_keys=True, allow_nan=False)
    texts = remembered.texts
    arrays: dict[str, Any] = {
        "about": np.frombuffer(about.encode(), np.uint8),
        "ids": _joined(remembered.ids),
        "digests": remembered.digests,
        "words": _joined(texts.words[1:]),
        "numbers": texts.numbers,
        "ends": texts.ends,
        "lengths": texts.lengths,
    }

    def save(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(folder / FILE, save)


def _joined(words: Any) -> npt.NDArray[np.uint8]:
    """Words and ids hold no newline."""
    return np.frombuffer("".join(f"{word}\n" for word in words).encode(), np.uint8)


def _split(joined: npt.NDArray[np.uint8]) -> list[str]:
    return bytes(joined).decode().split("\n")[:-1]


def _is_whole(one: Remembered) -> bool:
    texts = one.texts
    count = len(one.ids)
    return (
        len(one.digests) == len(texts) == len(texts.lengths) == count
        and int(texts.ends[0]) == 0
        and int(texts.ends[-1]) == len(texts.numbers)
        and bool((np.diff(texts.ends) >= 0).all())
        and bool(((texts.numbers >= 0) & (texts.numbers < len(texts.words))).all())
    )
