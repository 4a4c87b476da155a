"""`improved_descriptions.json`: what is said where descriptions want improving; and how such texts are known again.

Generated texts may find their way into the owner's file. They are no words of the owner's, so that nothing is learnt
of them: `generated.npz` has a digest of every text that was ever made, with its entry.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash

from thawline.files import read_json, write_atomically, write_text

FILE: Final = "improved_descriptions.json"
GENERATED: Final = "generated.npz"


@dataclass(frozen=True)
class Improved:
    """A description in place of another.

    Attributes:
        old: As it was; it is in the owner's file still.
        new: What is said instead.
        why: Why, and of what it was made: a phrase.
        confidence: The share of what it says that is right, as far as can be told.
    """

    old: str
    new: str
    why: str
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {"old": self.old, "new": self.new, "why": self.why, "confidence": self.confidence}


def read_improved(folder: Path) -> dict[str, Improved]:
    """What was made before, by entry; nothing where nothing was, or where the file is damaged."""
    try:
        return {
            str(id_): Improved(str(one["old"]), str(one["new"]), str(one["why"]), float(one["confidence"]))
            for id_, one in read_json(folder / FILE).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def write_improved(folder: Path, improved: Mapping[str, Improved]) -> None:
    """Write both files, an entry a line. What was ever made stays known."""
    known = generated(folder)
    new = np.array([digest(id_, one.new) for id_, one in improved.items()], np.uint64)
    digests = np.union1d(np.array(sorted(known), np.uint64), new)

    def save(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, digests=digests)

    write_atomically(folder / GENERATED, save)  # first: whatever comes after is known
    lines = (f"  {_json(id_)}: {_json(one.to_json())}" for id_, one in improved.items())
    write_text(folder / FILE, "{\n" + ",\n".join(lines) + "\n}\n" if improved else "{}\n")


def generated(folder: Path) -> set[int]:
    """Digests of all texts that were ever made for this library."""
    try:
        with np.load(folder / GENERATED, allow_pickle=False) as file:
            return set(file["digests"].tolist())
    except Exception:  # whatever a damaged archive makes NumPy say
        return {digest(id_, one.new) for id_, one in read_improved(folder).items()}


def digest(id_: str, text: str) -> int:
    """Of an entry's description: neither case nor blanks nor a stop at its end make another of it."""
    plain = " ".join(text.casefold().split()).rstrip(" .")
    return xxhash.xxh3_64_intdigest(f"{id_}\0{plain}".encode("utf-8", "surrogatepass"))


def is_generated(id_: str, texts: Iterable[str], digests: set[int]) -> bool:
    """Whether one of an entry's `texts` was made for it."""
    return any(digest(id_, text) in digests for text in texts if text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
