"""Which descriptions want improving, and by what."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

from thawline.tasks.library.enhancing.making import DETAILED, OLD, TAGS, Description, PhotoFacts, make, says
from thawline.tasks.library.enhancing.parts import OFTEN, Parts
from thawline.tasks.library.patterns.words import is_content, words_of

SHORT: Final = 2  # words that say something: as few are no description
_LONGEST = 300  # characters of a sentence that is taken over
_SENTENCE = re.compile(r"[^.!?\n]+")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_FILE_NAME = re.compile(r"\S*[\d_]\S*|\S+\.(?:jpe?g|png|webp|heic|gif|tiff?)", re.IGNORECASE)
MISSING, SHORTER, GENERIC = "missing", "short", "generic"


def why(description: str, photo: str, tags: Sequence[str], times: int) -> str:
    """Why a description wants improving: `MISSING`, `SHORTER` or `GENERIC`; "": it does not.

    Args:
        description: As it is.
        photo: The path of its photo: a file's name is no description.
        tags: Of its entry.
        times: How many entries of the library have the same.
    """
    if _FILE_NAME.fullmatch(description):
        return MISSING
    words = words_of(description)
    file = set(_LETTERS.findall(PurePath(photo).stem.casefold())) if len(words) <= SHORT + 1 else set()
    telling = [word for word in words if is_content(word) and not (file and file.issuperset(_LETTERS.findall(word)))]
    if not telling:
        return MISSING
    if len(telling) <= SHORT:
        return SHORTER
    there = set(words)
    lacking = sum(not says(there, tag) for tag in tags)
    return GENERIC if times >= OFTEN and 2 * lacking > len(tags) else ""


def improve(reason: str, description: str, detailed: str, known: PhotoFacts, parts: Parts) -> Description | None:
    """A description in place of one that wants improving for a `reason`; None: nothing better is known.

    What the old one says stays its beginning; where it says nothing, the sentence of the detailed description does
    that says the most of the tags.
    """
    begin, by = ("", OLD) if reason == MISSING else (description, OLD)
    if not begin and (sentence := telling_sentence(detailed, known.tags)):
        begin, by = sentence, DETAILED
    made = make(replace(known, begin=begin, by=by), parts)
    better = made.gained or by == DETAILED or (not begin and TAGS in made.of)
    return made if better else None


def telling_sentence(text: str, tags: Sequence[str]) -> str:
    """The first of the sentences of `text` that say the most of `tags`; "": none says more than a short one."""
    best, most = "", -1
    for sentence in _SENTENCE.findall(text):
        words = words_of(sentence)
        if len(sentence) > _LONGEST or sum(map(is_content, words)) <= SHORT:
            continue
        count = sum(says(set(words), tag) for tag in tags)
        if count > most:
            best, most = " ".join(sentence.split()), count
    return best


def in_words(reason: str, times: int) -> str:
    """Why a description was improved, a phrase; `times`: how many entries have it."""
    if reason == MISSING:
        return "it has no description that says anything"
    return f"{times} entries have its description" if reason == GENERIC else "its description is short"
