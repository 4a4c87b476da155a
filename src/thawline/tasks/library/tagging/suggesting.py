"""Tags for a new entry."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy import sparse

from thawline.tasks.library.entries.entry import Entry, key_of
from thawline.tasks.library.patterns.suggesting import Together
from thawline.tasks.library.patterns.words import words_of
from thawline.tasks.library.people.forget import INSTEAD
from thawline.tasks.library.tagging.evidence import (
    CO_OCCURRENCE,
    IMAGE,
    TEXT,
    Array,
    Evidence,
    image_evidence,
    text_evidence,
    together_evidence,
)
from thawline.tasks.library.tagging.fusing import Weights
from thawline.tasks.library.tagging.text import ByText
from thawline.tasks.library.tagging.words import count_words

SURE: Final = 0.5  # from which share of texts on that name a rare tag and have it such a tag is suggested

Look = Callable[[Path], Mapping[str, float] | None]  # a photo's tags by an image model; None: it can't be read


@dataclass(frozen=True)
class Suggested:
    """A tag that is suggested.

    Attributes:
        tag: In the library's spelling.
        probability: That the owner would give it: calibrated on entries held out.
        by: The sources that spoke: `co-occurrence`, `text`, `image`.
    """

    tag: str
    probability: float
    by: tuple[str, ...]


@dataclass(frozen=True)
class Learnt:
    """What was learnt of the tags of a library.

    Attributes:
        names: Those that patterns were learnt of, the most frequent first.
        told: How many of them, the first, are told by each source; the others where a text names them.
        prior: [t] the logit of how many entries have each that is told.
        text: The regression of the t tags.
        together: What each of `names` says of the others.
        weights: Of each set of sources.
        thresholds: [t] from which probability on a tag is suggested.
        named: How often an entry has a rare tag that its text names.
    """

    names: tuple[str, ...]
    told: int
    prior: Array
    text: ByText
    together: Together
    weights: tuple[Weights, ...]
    thresholds: Array
    named: float


class Suggester:
    """Suggests tags by what an entry says, by the tags that it has, and by its photo where a model sees it."""

    def __init__(self, learnt: Learnt, look: Look | None = None) -> None:
        """Take what was learnt, and what tells tags of a photo."""
        self._learnt, self._look = learnt, look
        self._number = {key_of(name): number for number, name in enumerate(learnt.names)}
        self._weights = {one.sources: one for one in learnt.weights}
        self._rare: dict[str, list[tuple[int, frozenset[str]]]] = {}
        for number in range(learnt.told, len(learnt.names)):
            if words := words_of(learnt.names[number]):
                self._rare.setdefault(words[0], []).append((number, frozenset(words)))

    def suggest(self, entry: Entry, count: int = 5) -> list[Suggested]:
        """The most probable tags that `entry` lacks and that reach their thresholds, the most probable first.

        None where it does not know: nothing speaks of the entry, or no tag reaches its threshold.

        Args:
            entry: A text that names a tag is what its owner wrote, so it counts. A photo that can't be read is let be.
            count: At most so many.
        """
        has = {self._number[key] for tag in entry.tags if (key := key_of(tag)) in self._number}
        found = [*self._told(entry, has), *self._named(entry)]
        found = [one for one in found if self._number[key_of(one.tag)] not in has and INSTEAD not in one.tag]
        return sorted(found, key=lambda one: (-one.probability, one.tag))[:count]

    def probabilities(self, entry: Entry) -> dict[str, float]:
        """Of each tag that is told how probable it is, whatever its threshold; nothing where no source speaks."""
        _, said = self._fused(entry, {self._number[k] for tag in entry.tags if (k := key_of(tag)) in self._number})
        return {} if said is None else dict(zip(self._learnt.names, said.tolist(), strict=False))

    def _told(self, entry: Entry, has: Iterable[int]) -> list[Suggested]:
        sources, said = self._fused(entry, has)
        if said is None:
            return []
        reached = np.flatnonzero(said >= self._learnt.thresholds).tolist()
        return [Suggested(self._learnt.names[tag], float(said[tag]), sources) for tag in reached]

    def _fused(self, entry: Entry, has: Iterable[int]) -> tuple[tuple[str, ...], Array | None]:
        """(the sources that speak, [t] probabilities)."""
        learnt, by = self._learnt, dict[str, Array]()
        known = sorted(has)
        if known:
            row = np.zeros((1, len(learnt.names)), np.int32)
            row[0, known] = 1
            scores = learnt.together.scores(sparse.csr_array(row))[:, : learnt.told]
            by[CO_OCCURRENCE] = together_evidence(scores, learnt.prior, np.array([len(known)]))
        words, counts = frozenset(words_of(entry.text)), count_words(entry.text, learnt.text.words)
        named = np.array([[_is_named(name, words) for name in learnt.names[: learnt.told]]], np.float64)
        if counts.nnz or named.any():  # of words that were never seen nothing is known
            by[TEXT] = text_evidence(learnt.text.scores(counts), named, learnt.prior)
        if self._look is not None and (seen := self._look(entry.photo)):
            told = {key_of(tag): share for tag, share in seen.items()}
            said = [told.get(key_of(name), np.nan) for name in learnt.names[: learnt.told]]
            by[IMAGE] = image_evidence(np.array([said]), learnt.prior)
        speaking = max((sources for sources in self._weights if set(sources) <= set(by)), key=len, default=())
        if not speaking:
            return (), None
        return speaking, self._weights[speaking].probabilities(Evidence(learnt.prior, by))[0]

    def _named(self, entry: Entry) -> list[Suggested]:
        """Tags too rare to be told that the entry's text names, where that mostly means that it has them."""
        if self._learnt.named < SURE:
            return []
        words = frozenset(words_of(entry.text))
        found = {number for word in words for number, own in self._rare.get(word, ()) if own <= words}
        return [Suggested(self._learnt.names[number], self._learnt.named, (TEXT,)) for number in sorted(found)]


def _is_named(tag: str, words: frozenset[str]) -> bool:
    own = words_of(tag)
    return bool(own) and words.issuperset(own)
