"""A description made of what is known of a photo, in its library's own words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from thawline.tasks.library.enhancing.parts import Parts
from thawline.tasks.library.entries.entry import key_of
from thawline.tasks.library.patterns.words import is_content, words_of

MOST_TAGS: Final = 12  # that a description says: more are a list
TAGS, LIKELY, PEOPLE, PLACE, TIME, DETAILED, OLD = (
    "tags",
    "likely tags",
    "people",
    "place",
    "time",
    "detailed description",
    "description",
)


@dataclass(frozen=True)
class PhotoFacts:
    """What is known of a photo.

    Attributes:
        tags: Its own.
        people: Names of people on it.
        place: Where it was taken; "": nobody says.
        at: When; None: nobody says.
        begin: A text to begin with; what it says is not said again.
        by: What that is: `OLD` or `DETAILED`.
        suggested: Tags that it probably has, with how probable that is.
    """

    tags: Sequence[str] = ()
    people: Sequence[str] = ()
    place: str = ""
    at: datetime | None = None
    begin: str = ""
    by: str = OLD
    suggested: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Description:
    """A description.

    Attributes:
        text: What it says.
        confidence: The share of its tags and names that is right, as far as can be told: what is known counts whole,
            a likely tag with its probability.
        of: What it was made of.
        added: Tags that it says though nobody gave them.
        gained: Tags, names and places that its beginning did not say, without tags that most entries have.
    """

    text: str
    confidence: float
    of: tuple[str, ...]
    added: tuple[str, ...] = ()
    gained: int = 0


@lru_cache(maxsize=1 << 16)
def tag_words(tag: str) -> tuple[str, ...]:
    """The words of a tag or name, which come up again and again."""
    return tuple(words_of(tag))


@lru_cache(maxsize=1 << 16)
def tells(tag: str) -> bool:
    """Whether a tag has a word that says something."""
    return any(map(is_content, tag_words(tag)))


def says(words: set[str], tag: str) -> bool:
    """Whether `words` hold all words of a tag or name."""
    own = tag_words(tag)
    return bool(own) and words.issuperset(own)


def make(known: PhotoFacts, parts: Parts) -> Description:
    """A description of what is `known`; the same for the same.

    Tags are joined where the library joins their words, and tags that mostly come with them are said too. People,
    place and time follow. No word but the library's own is in it.
    """
    said = set(words_of(known.begin))
    own = _telling(known.tags, said)
    likely = _likely(known, said | {word for tag in own for word in tag_words(tag)}, parts)
    people = [name for name in dict.fromkeys(known.people) if not says(said, name)]
    place = known.place if known.place and not says(said, known.place) else ""
    phrases = chain([*own, *(tag for tag, _ in likely)], parts)
    pieces = [
        _capital(known.begin.rstrip(" .;,")),
        _capital(", ".join(phrases)),
        ", ".join(people),
        ", ".join(filter(None, (place, f"{known.at:%Y-%m-%d}" if known.at else ""))),
    ]
    used = (
        (known.begin, known.by),
        (own, TAGS),
        (likely, LIKELY),
        (people, PEOPLE),
        (place, PLACE),
        (known.at, TIME),
    )
    further = len(people) + bool(place)
    sure = len(own) + further + bool(known.begin)
    total = sure + len(likely)
    text = " ".join(piece if piece[-1] in "!?" else f"{piece}." for piece in pieces if piece)
    return Description(
        text,
        round((sure + sum(p for _, p in likely)) / total, 4) if total else 0.0,
        tuple(name for there, name in used if there),
        tuple(tag for tag, _ in likely),
        further + sum(key_of(tag) not in parts.common for tag in own),
    )


def chain(tags: Sequence[str], parts: Parts) -> list[str]:
    """`tags` as phrases: two are joined where the library joins the last word of one and the first of another.

    The most usual joins come first; each tag is in one phrase, and a phrase stands where its first tag would.
    """
    words = [tag_words(tag) for tag in tags]
    candidates = sorted(
        (-join.count, one, other, join.between)
        for one in range(len(tags))
        for other in range(len(tags))
        if one != other and (join := parts.joins.get((words[one][-1], words[other][0]))) is not None
    )
    after: dict[int, tuple[int, str]] = {}
    before: dict[int, int] = {}
    for _, one, other, between in candidates:
        if one not in after and other not in before and _end(one, before) != other:
            after[one] = other, between
            before[other] = one
    heads = sorted({_end(tag, before) for tag in range(len(tags))}, key=lambda head: min(_members(head, after)))
    return [_phrase(head, tags, after) for head in heads]


def _end(tag: int, before: dict[int, int]) -> int:
    while tag in before:
        tag = before[tag]
    return tag


def _members(head: int, after: dict[int, tuple[int, str]]) -> Iterator[int]:
    at: int | None = head
    while at is not None:
        yield at
        at = after[at][0] if at in after else None


def _phrase(head: int, tags: Sequence[str], after: dict[int, tuple[int, str]]) -> str:
    return " ".join(
        word for tag in _members(head, after) for word in (tags[tag], after[tag][1] if tag in after else "") if word
    )


def _telling(tags: Sequence[str], said: set[str]) -> list[str]:
    """Those that say something which is not `said`, the first of them."""
    telling = [tag for tag in tags if tells(tag) and not says(said, tag)]
    return telling[:MOST_TAGS]


def _likely(known: PhotoFacts, said: set[str], parts: Parts) -> list[tuple[str, float]]:
    """Tags that mostly come with those that are known, or are suggested, and are not among them, the surest first."""
    there = set(map(key_of, known.tags))
    found: dict[str, float] = {}
    with_others = (pair for tag in known.tags for pair in parts.likely.get(key_of(tag), ()))
    for other, probability in (*known.suggested, *with_others):
        if key_of(other) not in there and tells(other) and not says(said, other):
            found[other] = max(found.get(other, 0.0), probability)
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))[: max(MOST_TAGS - len(known.tags), 0)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
