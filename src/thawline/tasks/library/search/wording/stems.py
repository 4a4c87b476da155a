"""Words of one stem are one term: which language's rules cut them, and which words of it say nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from thawline.errors import UserError
from thawline.tasks.library.patterns.words import STOP_WORDS, is_content

NONE: Final = "none"
AUTO: Final = "auto"
_SHARE = 0.1  # of a text's words that are function words where its language is known


class Stems:
    """What of a word tells it from others in search.

    Attributes:
        language: By whose rules; `none`: each word is its own stem.
    """

    def __init__(self, language: str) -> None:
        """Take a language's rules, which `check_language` knows."""
        self.language = language

    def of(self, words: Sequence[str]) -> list[str]:
        """The stem of each word; "" for one that says nothing."""
        plain = [word if word and is_content(word) and word not in self._silent else "" for word in words]
        if self.language == NONE:
            return plain
        import Stemmer  # late, like all of search's libraries

        stems: list[str] = Stemmer.Stemmer(self.language).stemWords(plain)
        return stems

    @cached_property
    def _silent(self) -> frozenset[str]:
        return _function_words().get(self.language, frozenset())


def check_language(language: str, setting: str) -> None:
    """Is it one that words can be cut by?

    Raises:
        UserError: It is not.
    """
    if language in (AUTO, NONE):
        return
    import Stemmer

    if language not in Stemmer.algorithms():
        raise UserError(
            f"{setting}={language} has no stemmer; use {AUTO}, {NONE}, or one of {', '.join(Stemmer.algorithms())}"
        )


def guess_language(words: Sequence[str], counts: npt.NDArray[np.int64]) -> str:
    """Whose function words come up among `words` [w], which come up `counts` [w] times; `none`: nobody's do.

    The most different ones decide: one may well be a thing in another language, as Danish `dog` is.
    """
    every = max(int(counts.sum()), 1)
    share = {
        language: sum(int(count) for word, count in zip(words, counts, strict=True) if word in own) / every
        for language, own in _function_words().items()
    }
    different = {language: len(own.intersection(words)) for language, own in _function_words().items()}
    language = max(share, key=lambda one: (different[one], share[one], one))
    return language if share[language] >= _SHARE else NONE


def most_frequent(words: Iterable[tuple[str, str, int]]) -> Mapping[str, str]:
    """The word that each stem comes up as most; of equals the first by alphabet.

    Args:
        words: Stem, word, and how often it comes up.
    """
    spelt: dict[str, Counter[str]] = {}
    for stem, word, count in words:
        spelt.setdefault(stem, Counter())[word] += count
    return {stem: min(own, key=lambda word: (-own[word], word)) for stem, own in spelt.items()}


def _function_words() -> dict[str, frozenset[str]]:
    from bm25s import stopwords

    known = {
        "german": stopwords.STOPWORDS_GERMAN,
        "dutch": stopwords.STOPWORDS_DUTCH,
        "french": stopwords.STOPWORDS_FRENCH,
        "spanish": stopwords.STOPWORDS_SPANISH,
        "portuguese": stopwords.STOPWORDS_PORTUGUESE,
        "italian": stopwords.STOPWORDS_ITALIAN,
        "russian": stopwords.STOPWORDS_RUSSIAN,
        "swedish": stopwords.STOPWORDS_SWEDISH,
        "norwegian": stopwords.STOPWORDS_NORWEGIAN,
        "danish": stopwords.STOPWORDS_DANISH,
        "turkish": stopwords.STOPWORDS_TURKISH,
    }
    return {"english": STOP_WORDS, **{language: frozenset(words) for language, words in known.items()}}
