"""Entries as vectors: what is said of them, through a sentence encoder, each text once, ever."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from thawline.features.progress import bar
from thawline.features.store.key import shelf_key, text_digest
from thawline.features.store.store import FeatureStore, healing
from thawline.tasks.library.search.indexes.sentences import DOCUMENT, QUERY, Sentences, Vectors
from thawline.tasks.library.search.wording.said import CAPTION, DETAIL, TAG, Ints
from thawline.tasks.library.training.gathered import Gathered

_AT_ONCE: Final = 4096  # entries that are in memory by their parts
_TOGETHER: Final = 256  # texts that are stored at once
_NAME: Final = "embedding"


@dataclass
class Embedded:
    """Texts and entries as vectors of length 1, from the store where they are.

    Attributes:
        sentences: The encoder.
        store: Where vectors are kept.
        computed: Texts whose vectors were computed now.
        texts: Texts that were asked for, in all.
    """

    sentences: Sentences
    store: FeatureStore
    computed: int = 0
    texts: int = 0

    def entries(self, library: Gathered, kinds: Sequence[int], rows: Ints | None = None) -> Vectors:
        """[n, d] Entries: the mean of their caption's, their longer description's and their tags' vectors.

        A mean rather than the vector of all, so that nothing is cut off, and a held-out caption costs nothing. What
        nothing is said of is at 0.

        Args:
            library: The entries.
            kinds: Which of these parts.
            rows: Of which entries; None: all.
        """
        rows = np.arange(len(library)) if rows is None else rows
        parts = [_part(library, kind) for kind in kinds]
        with bar("sentences", "texts", None) as tick:
            found = [self._chunk(parts, rows[at : at + _AT_ONCE], tick) for at in range(0, len(rows), _AT_ONCE)]
        width = max((one.shape[1] for one in found), default=0)
        return np.concatenate([_widened(one, width) for one in found]) if found else np.zeros((0, 0), np.float32)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """[q, d] Texts that are searched for."""
        return self._vectors(texts, QUERY)

    def _chunk(self, parts: Sequence[Callable[[int], str]], rows: Ints, tick: Callable[[float], None]) -> Vectors:
        texts = [(place, text) for place, row in enumerate(rows.tolist()) for part in parts if (text := part(row))]
        if not texts:
            return np.zeros((len(rows), 0), np.float32)
        vectors = self._vectors([text for _, text in texts], DOCUMENT, tick)
        summed = np.zeros((len(rows), vectors.shape[1]), np.float32)
        np.add.at(summed, [place for place, _ in texts], vectors)
        return unit(summed)

    def _vectors(self, texts: Sequence[str], role: str, tick: Callable[[float], None] = lambda _: None) -> Vectors:
        key = shelf_key(self.sentences.key(role), None, cut=1, dtype="float32", device="cpu")
        shelf = self.store.shelf(key, f"sentences of {self.sentences.directory.name}")
        at = {text_digest(text): text for text in texts}
        self.texts += len(at)

        def read() -> Any:
            if shelf.missing(list(at)):
                with shelf.filling():
                    missing = shelf.missing(list(at))  # another process may have filled it meanwhile
                    for digests in _batches(sorted(missing, key=lambda one: (len(at[one]), one))):
                        vectors = self.sentences.encode([at[one] for one in digests], role)
                        self.computed += shelf.append(digests, {_NAME: torch.from_numpy(vectors)})
                        tick(len(digests))
            return shelf.rows([text_digest(text) for text in texts])

        rows = healing(read)
        vectors: Vectors = rows[:][_NAME].float().numpy()
        return vectors


def unit(vectors: Vectors) -> Vectors:
    """[n, d] The same at length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    shortened: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return shortened


def _part(library: Gathered, kind: int) -> Callable[[int], str]:
    """What gives a part of an entry as text; "": there is none."""
    of = {
        CAPTION: lambda row: library.descriptions[row].strip(),
        DETAIL: lambda row: library.detailed[row].strip(),
        TAG: lambda row: ", ".join(library.tags[row]),
    }
    return of[kind]


def _batches(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(digests), _TOGETHER):
        yield digests[at : at + _TOGETHER]


def _widened(vectors: Vectors, width: int) -> Vectors:
    """Entries of which nothing is said have no width of their own."""
    return vectors if vectors.shape[1] == width else np.zeros((len(vectors), width), np.float32)
