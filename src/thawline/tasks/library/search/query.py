"""What a query asks: people by name, terms, and words that a library does not know."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from thawline.tasks.library.patterns.words import words_of
from thawline.tasks.library.search.wording.stems import Stems

_NEAREST: Final = 3
_NEAR: Final = 0.7  # of difflib's ratio


@dataclass(frozen=True)
class Query:
    """What a text asks.

    Attributes:
        rest: The words that are no person's name, as they were typed; function words among them.
        names: Of the people who are named.
        terms: The terms that the library knows, each once.
        unknown: Words that say something, and that no entry says.
    """

    rest: str
    names: tuple[str, ...]
    terms: tuple[int, ...]
    unknown: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Whether there is more in it than function words."""
        return bool(self.names or self.terms or self.unknown)


def understand(text: str, stems: Stems, known: dict[str, int], names: Iterable[str]) -> Query:
    """What `text` asks.

    Args:
        text: As it was typed.
        stems: How words are cut.
        known: The number of each stem that an entry says.
        names: Of the library's people.
    """
    words = words_of(text)
    found = []
    for name in sorted(names, key=lambda one: (-len(words_of(one)), one)):
        at = _place(words_of(name), words)
        if at is not None:
            found.append(name)
            words = [*words[:at], *words[at + len(words_of(name)) :]]
    pairs = [(word, stem) for word, stem in zip(words, stems.of(words), strict=True) if stem]
    terms = dict.fromkeys(known[stem] for _, stem in pairs if stem in known)
    unknown = dict.fromkeys(word for word, stem in pairs if stem not in known)
    rest = " ".join(words) if found else text.strip()
    return Query(rest, tuple(found), tuple(terms), tuple(unknown))


def nearest(word: str, words: Sequence[str]) -> list[str]:
    """The words most like `word` in their letters."""
    return difflib.get_close_matches(word, words, _NEAREST, _NEAR)


def _place(name: Sequence[str], words: Sequence[str]) -> int | None:
    """Where a name's words stand one after the other; None: they don't."""
    size = len(name)
    return next((i for i in range(len(words) - size + 1) if size and list(words[i : i + size]) == list(name)), None)
