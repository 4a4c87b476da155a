"""`search_index.json`: which words of a library stand for which others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from thawline.errors import UserError
from thawline.files import read_json, write_json
from thawline.screen import as_word
from thawline.tasks.library.people.forget import INSTEAD

FILE: Final = "search_index.json"
_FORMAT = 1
_KEYS = ("synonyms", "related", "broader")
Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Terms:
    """What words of a library have to do with each other; each word stands for all of its stem.

    Attributes:
        synonyms: Words said in the other's place, the surest first.
        related: Words that come up of the same entries, those with the strongest bond first.
        broader: Words that hold of nearly all that a word holds of, the narrowest first.
    """

    synonyms: Words = field(default_factory=dict)
    related: Words = field(default_factory=dict)
    broader: Words = field(default_factory=dict)


def read_terms(directory: Path) -> Terms:
    """The terms of a library's directory.

    Raises:
        UserError: There are none, or they are damaged.
    """
    if not (directory / FILE).is_file():
        raise UserError(
            f"{directory} has no {FILE}: nothing can be searched there yet; "
            f"run thawline library train FILE out={as_word(directory)}"
        )
    try:
        found = read_json(directory / FILE)
        return Terms(*(_left(found[key]) for key in _KEYS))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise UserError(f"{directory / FILE} is damaged ({type(error).__name__}); run library train again") from error


def _left(found: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Words with their others, but for those that `library forget` took out."""
    return {str(w): [str(one) for one in many if one != INSTEAD] for w, many in found.items() if w != INSTEAD}


def write_terms(directory: Path, terms: Terms, about: Mapping[str, Any]) -> None:
    """Write them, and what else is to be known of them, complete or not at all."""
    write_json(
        directory / FILE,
        {"format": _FORMAT, **about, **{key: {w: list(m) for w, m in getattr(terms, key).items()} for key in _KEYS}},
    )


def numbered(terms: Terms, words: Sequence[str]) -> dict[int, list[int]]:
    """The synonyms of each term by number; `words` [t] are what the terms are called. Others are left out."""
    at = {word: number for number, word in enumerate(words)}
    return {
        at[word]: [at[other] for other in others if other in at]
        for word, others in terms.synonyms.items()
        if word in at
    }
