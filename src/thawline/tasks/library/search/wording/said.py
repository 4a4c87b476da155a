"""What is said of entries, as numbers of terms: where each comes up, and in which part of what is said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.patterns.tags import Tags
from thawline.tasks.library.patterns.words import BREAK, Texts, encode
from thawline.tasks.library.search.wording.stems import AUTO, Stems, guess_language, most_frequent

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CAPTION, DETAIL, TAG = 0, 1, 2  # kinds of parts


@dataclass(frozen=True)
class Said:
    """What is said of entries: each term where it comes up, entry by entry.

    Attributes:
        entries: How many there are.
        language: Whose rules cut words to stems.
        stems: [t] the terms.
        shown: [t] the word that each comes up as most.
        rows: [m] the entry.
        parts: [m] the sentence, or the tags of an entry, which are one part; numbered over all entries.
        kinds: [m] whether the part is of the caption, of the longer description, or the tags.
        terms: [m] the term.
    """

    entries: int
    language: str
    stems: list[str]
    shown: list[str]
    rows: Ints
    parts: Ints
    kinds: npt.NDArray[np.int8]
    terms: Ints

    def only(self, kept: Bools) -> "Said":
        """With what is kept [m] alone; entries and terms keep their numbers."""
        return Said(
            self.entries,
            self.language,
            self.stems,
            self.shown,
            self.rows[kept],
            self.parts[kept],
            self.kinds[kept],
            self.terms[kept],
        )

    def of_entries(self) -> list[list[int]]:
        """The terms of each entry in order."""
        order = np.argsort(self.rows, kind="stable")
        ends = np.searchsorted(self.rows[order], np.arange(1, self.entries))
        return [part.tolist() for part in np.split(self.terms[order], ends)] if self.entries else []


def say(texts: Texts, tags: Tags, language: str = AUTO) -> Said:
    """What `texts` and `tags` of entries say, as terms.

    Args:
        texts: [n] as numbers of words, captions first.
        tags: Of the same entries.
        language: Whose rules cut words to stems; `auto` goes by the function words.
    """
    spelled = encode(([name] for name in tags.names), texts.words[1:])
    words, counts = spelled.words, np.zeros(len(spelled.words), np.int64)
    counts[: len(texts.words)] = np.bincount(texts.numbers, minlength=len(texts.words))
    counts[BREAK] = 0
    if language == AUTO:
        language = guess_language(words, counts)
    stems_of = Stems(language).of(words)
    of_text = _of_texts(texts)
    of_tags = _of_tags(tags, spelled, int(of_text[1].max(initial=-1)) + 1)
    rows, parts, kinds, numbers = (np.concatenate(pair) for pair in zip(of_text, of_tags, strict=True))
    np.add.at(counts, of_tags[3], 1)
    there = np.flatnonzero(counts)
    shown = most_frequent((stems_of[i], words[i], int(counts[i])) for i in there.tolist() if stems_of[i])
    stems = sorted(shown)
    place = {stem: number for number, stem in enumerate(stems)}
    terms = np.array([place.get(stem, -1) for stem in stems_of], np.int64)[numbers]
    kept = terms >= 0
    return Said(
        len(texts),
        language,
        stems,
        [shown[stem] for stem in stems],
        rows[kept],
        parts[kept],
        kinds[kept].astype(np.int8),
        terms[kept],
    )


def _of_texts(texts: Texts) -> tuple[Ints, Ints, Ints, Ints]:
    """(rows, parts, kinds, words) of what texts say."""
    rows, is_word = texts.rows, texts.numbers != BREAK
    before = np.concatenate([[0], np.cumsum(is_word)])[texts.ends[:-1]]
    place = np.cumsum(is_word) - 1 - before[rows]
    kinds = np.where(place < texts.lengths[rows], CAPTION, DETAIL)
    # Every text ends with a break, so that no sentence goes on into the next entry.
    parts = np.cumsum(~is_word)
    return rows[is_word], parts[is_word], kinds[is_word], texts.numbers[is_word].astype(np.int64)


def _of_tags(tags: Tags, spelled: Texts, first: int) -> tuple[Ints, Ints, Ints, Ints]:
    """(rows, parts, kinds, words) of what tags say."""
    sizes = np.diff(tags.has.indptr)
    of_tag = [_words(spelled, tag) for tag in range(len(tags.names))]
    lengths = np.array([len(words) for words in of_tag], np.int64)
    flat = np.concatenate([np.zeros(0, np.int64), *of_tag])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    each = tags.has.indices.astype(np.int64)
    rows = np.repeat(np.repeat(np.arange(len(sizes)), sizes), lengths[each])
    within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths[each]) - lengths[each], lengths[each])
    return rows, first + rows, np.full(len(rows), TAG), flat[np.repeat(starts[each], lengths[each]) + within]


def _words(spelled: Texts, row: int) -> Ints:
    numbers = spelled.numbers[spelled.ends[row] : spelled.ends[row + 1]]
    words: Ints = numbers[numbers != BREAK].astype(np.int64)
    return words


def numbers_of(stems: Sequence[str], known: dict[str, int]) -> list[int]:
    """The numbers of those that are known, each once, in order."""
    return list(dict.fromkeys(known[stem] for stem in stems if stem in known))
