"""What descriptions are made of: how a library joins the words of its tags, and which tags mostly come with another."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from thawline.files import read_json, write_json
from thawline.judging.intervals import wilson
from thawline.tasks.library.entries.entry import key_of
from thawline.tasks.library.patterns.tags import Tags, thinned
from thawline.tasks.library.patterns.words import STOP_WORDS, Texts, is_content, words_of
from thawline.tasks.library.people.forget import INSTEAD

FILE: Final = "description_parts.json"
LEAST: Final = 2  # times that two words are joined
MOST_JOINS: Final = 50_000  # the most frequent
MOST_LIKELY: Final = 3  # tags that another brings along
LIKELY: Final = 0.7  # share of a tag's entries that have another, at least, at the low end of its interval
OFTEN: Final = 5  # entries with one description between them
MOST_REPEATED: Final = 2000  # such descriptions
_BETWEEN = 2  # function words that may stand between two words that are joined


@dataclass(frozen=True)
class Join:
    """How a library joins two words.

    Attributes:
        between: What stands between: "on the", "".
        count: How often it does so.
    """

    between: str
    count: int


@dataclass(frozen=True)
class Parts:
    """What a library teaches of descriptions.

    Attributes:
        joins: By two words.
        likely: By what a tag is compared by: tags that mostly come with it, and how sure that is.
        common: What tags are compared by that most entries have: they tell none from another.
        repeated: Descriptions that many entries have, and how many.
    """

    joins: Mapping[tuple[str, str], Join] = field(default_factory=dict)
    likely: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    common: frozenset[str] = frozenset()
    repeated: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Occurrences:
    """Where the words of tags follow each other, in all texts.

    Attributes:
        tag_words: The words of tags, by number.
        between: Function words, by number; the first is "".
        codes: [o] first, second and both words between, as one number.
        rows: [o] the text of each.
    """

    tag_words: Sequence[str]
    between: Sequence[str]
    codes: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def joins(self, chosen: npt.NDArray[np.bool_] | None = None) -> dict[tuple[str, str], Join]:
        """The most usual way to join each two words, in the texts that are `chosen` [n]; None: in all."""
        codes = self.codes if chosen is None else self.codes[chosen[self.rows]]
        found, counts = np.unique(codes, return_counts=True)
        often = np.flatnonzero(counts >= LEAST)
        often = often[np.lexsort((found[often], -counts[often]))][:MOST_JOINS]
        size, silent = len(self.tag_words), len(self.between)
        joins: dict[tuple[str, str], Join] = {}
        for code, count in zip(found[often].tolist(), counts[often].tolist(), strict=True):
            rest, fourth = divmod(code, silent)
            rest, third = divmod(rest, silent)
            first, second = divmod(rest, size)
            between = " ".join(word for word in (self.between[third], self.between[fourth]) if word)
            joins.setdefault((self.tag_words[first], self.tag_words[second]), Join(between, count))
        return joins


def occurrences(texts: Texts, tags: Tags) -> Occurrences:
    """Where words of `tags` stand side by side in `texts`, or with one or two function words between."""
    own = {word for tag in tags.frequent.names for word in words_of(tag) if is_content(word)}
    number = {word: at for at, word in enumerate(texts.words) if word}
    tag_words = sorted(word for word in own if word in number)
    between = ["", *sorted(word for word in STOP_WORDS if word in number)]
    says, silent = (np.full(max(len(texts.words), 1), -1, np.int64) for _ in range(2))
    for place, words in ((says, tag_words), (silent, between[1:])):
        place[[number[word] for word in words]] = np.arange(len(words))
    silent[silent >= 0] += 1
    tag, function, rows = says[texts.numbers], silent[texts.numbers], texts.rows
    codes, at = [], []
    for gap in range(_BETWEEN + 1):
        last = len(tag) - gap - 1
        if last <= 0:
            continue
        fits = (tag[:last] >= 0) & (tag[gap + 1 :] >= 0)
        for step in range(1, gap + 1):
            fits &= function[step : step + last] > 0
        where = np.flatnonzero(fits)
        code = tag[where] * len(tag_words) + tag[where + gap + 1]
        for step in range(1, _BETWEEN + 1):
            code = code * len(between) + (function[where + step] if step <= gap else 0)
        codes.append(code)
        at.append(rows[where])
    empty = np.zeros(0, np.int64)
    return Occurrences(tag_words, between, np.concatenate([empty, *codes]), np.concatenate([empty, *at]))


def likely_tags(tags: Tags, chosen: npt.NDArray[np.bool_] | None = None) -> dict[str, list[tuple[str, float]]]:
    """For each tag those that mostly come with it, the surest first, by the entries that are `chosen` [n]."""
    tags = tags.frequent
    has = thinned(tags.has if chosen is None else tags.has[chosen])
    both = (has.T @ has).tocoo()
    counts = np.asarray(has.sum(axis=0), np.float64).ravel()
    kept = (both.row != both.col) & (2 * both.data > counts[both.row])
    first, second, together = both.row[kept], both.col[kept], both.data[kept].astype(np.float64)
    low = wilson(together / counts[first], counts[first])[0] if len(first) else together
    found: dict[str, list[tuple[str, float]]] = {}
    for at in np.lexsort((second, -low, first)).tolist():
        if low[at] >= LIKELY:
            one = found.setdefault(key_of(tags.names[first[at]]), [])
            if len(one) < MOST_LIKELY:
                one.append((tags.names[second[at]], round(float(low[at]), 4)))
    return found


def common_tags(tags: Tags) -> frozenset[str]:
    """What those tags are compared by that more than half of the entries have."""
    often = np.flatnonzero(2 * tags.counts > tags.has.shape[0])
    return frozenset(key_of(tags.names[tag]) for tag in often.tolist())


def repeated_texts(descriptions: Iterable[str]) -> dict[str, int]:
    """The descriptions that at least `OFTEN` entries have, and how many, the most frequent first."""
    counts = Counter(text for text in descriptions if text)
    often = sorted((-count, text) for text, count in counts.items() if count >= OFTEN)
    return {text: -count for count, text in often[:MOST_REPEATED]}


def write_parts(folder: Path, parts: Parts) -> None:
    """Write `description_parts.json`, complete or not at all."""
    joins = [[first, join.between, second, join.count] for (first, second), join in parts.joins.items()]
    likely = {tag: list(map(list, some)) for tag, some in parts.likely.items()}
    write_json(
        folder / FILE,
        {"joins": joins, "likely": likely, "common": sorted(parts.common), "repeated": dict(parts.repeated)},
    )


def read_parts(folder: Path) -> Parts:
    """What was learnt; nothing where nothing was, or where the file is damaged: descriptions are plainer then."""
    try:
        value: Any = read_json(folder / FILE)
        joins = {(str(a), str(b)): Join(str(between), int(count)) for a, between, b, count in value["joins"]}
        likely = {
            str(tag): [(str(other), float(p)) for other, p in some if INSTEAD not in str(other)]
            for tag, some in value["likely"].items()
        }
        common = frozenset(map(str, value["common"]))
        repeated = {str(text): int(count) for text, count in value["repeated"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Parts()
    return Parts(joins, likely, common, repeated)
