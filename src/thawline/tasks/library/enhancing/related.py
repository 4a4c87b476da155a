"""Words that a library has to do with those of a text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from thawline.files import read_json
from thawline.tasks.library.patterns.words import words_of
from thawline.tasks.library.search.wording.stems import NONE, Stems
from thawline.tasks.library.search.wording.terms import FILE, read_terms

MOST: Final = 10  # words of each kind
_KINDS: Final = ("synonyms", "related", "broader")


class Related:
    """What the search of a library learnt of words."""

    def __init__(self, folder: Path) -> None:
        """Read it; where nothing was learnt no word is related to another.

        Raises:
            UserError: It is damaged.
        """
        self._words: dict[str, Mapping[str, Sequence[str]]] = {}
        self._stems = Stems(NONE)
        if not (folder / FILE).is_file():
            return
        terms = read_terms(folder)
        self._stems = Stems(str(read_json(folder / FILE).get("language", NONE)))
        for kind in _KINDS:
            words: Mapping[str, Sequence[str]] = getattr(terms, kind)
            self._words[kind] = dict(zip(self._stems.of(list(words)), words.values(), strict=True))

    def related(self, text: str) -> dict[str, list[str]]:
        """Words that `text` does not say, by what they are to its own: `synonyms`, `related` and `broader`."""
        stems = [stem for stem in dict.fromkeys(self._stems.of(words_of(text))) if stem]
        found = {}
        for kind in _KINDS:
            others = dict.fromkeys(other for stem in stems for other in self._words.get(kind, {}).get(stem, ()))
            own = self._stems.of(list(others))
            found[kind] = [other for other, stem in zip(others, own, strict=True) if stem not in stems][:MOST]
        return found
