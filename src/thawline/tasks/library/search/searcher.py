"""A library's index in use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from thawline.errors import UserError
from thawline.files import read_json
from thawline.screen import as_word
from thawline.tasks.library.entries.entry import key_of
from thawline.tasks.library.people.store import read_named
from thawline.tasks.library.search.fusion import DEPTH, Fusion, fuse
from thawline.tasks.library.search.judging import WORDS
from thawline.tasks.library.search.lexical import Lexical, expanded, first
from thawline.tasks.library.search.query import Query, nearest, understand
from thawline.tasks.library.search.said import Bools, Ints
from thawline.tasks.library.search.stems import Stems
from thawline.tasks.library.search.stored import FOLDER, LEXICAL, SHOWN, Entries, read_about
from thawline.tasks.library.search.terms import numbered, read_terms

Rank = Callable[[str, int, Bools | None], Ints]  # text, depth and entries that may be found; to these, best first


@dataclass(frozen=True)
class Found:
    """An entry that was found.

    Attributes:
        id: What it is called.
        score: Compares it with others of the same search, and says no more.
        by: Why it was found: words, synonyms, people, meaning.
        row: Where it is in the index.
    """

    id: str
    score: float
    by: tuple[str, ...]
    row: int


class Searcher:
    """Search in one library.

    Attributes:
        entries: What is shown of each entry, by row.
    """

    def __init__(
        self,
        entries: Entries,
        lexical: Lexical,
        words: Sequence[str],
        synonyms: Mapping[int, Sequence[int]],
        stems: Stems,
        *,
        weight: float,
        fusion: Fusion,
        people: Mapping[str, Sequence[str]],
        further: Mapping[str, Rank],
    ) -> None:
        """Put it together; `load` reads the parts.

        Args:
            entries: What is shown of each entry.
            lexical: The index of words.
            words: What each term is called.
            synonyms: Of each term.
            stems: How words are cut.
            weight: Of synonyms.
            fusion: Of the rankings.
            people: The ids of the entries that each named person is on.
            further: Other rankings by name.
        """
        self.entries = entries
        self._lexical, self._words, self._synonyms, self._stems = lexical, words, synonyms, stems
        self._weight, self._fusion, self._further = weight, fusion, further
        ids = entries.ids() if people else {}
        self._people = {
            name: np.array(sorted(ids[one] for one in own if one in ids), np.int64) for name, own in people.items()
        }

    def understand(self, text: str) -> Query:
        """What a text asks of this library."""
        return understand(text, self._stems, self._lexical.terms, self._people)

    def nearest(self, word: str) -> list[str]:
        """The library's words most like one that it does not know."""
        return nearest(word, self._words)

    def search(
        self, text: str, count: int = 10, *, tags: Sequence[str] | None = None, since: datetime | None = None
    ) -> list[Found]:
        """The entries that a text describes, best first; those of people whom it names come first of all.

        Args:
            text: Words, a sentence, names of people.
            count: Entries at most.
            tags: Only entries with one of these; None: all.
            since: Only entries of this moment or later; None: all.
        """
        query, allowed = self.understand(text), self._allowed(tags, since)
        if not query.says_something:
            return []
        ranked = self._ranked(query, max(count, DEPTH), allowed)[:count]
        by = self._reasons(query, np.array([row for row, _ in ranked], np.int64))
        return [Found(self.entries[row].id, score, why, row) for (row, score), why in zip(ranked, by, strict=True)]

    def _ranked(self, query: Query, depth: int, allowed: Bools | None) -> list[tuple[int, float]]:
        """Rows and their scores."""
        scores: dict[int, float] = {}
        if query.names:
            named = np.zeros(len(self.entries), np.int64)
            for name in query.names:
                named[self._people[name]] += 1
            own = (named > 0) if allowed is None else (named > 0) & allowed
            scores = dict.fromkeys(np.flatnonzero(own).tolist(), 0.0)
            scores |= self._fused(query, depth, own)
            scores = {row: score + int(named[row]) for row, score in scores.items()}
        for row, score in self._fused(query, depth, allowed).items():
            scores.setdefault(row, score)
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))

    def _fused(self, query: Query, depth: int, allowed: Bools | None) -> dict[int, float]:
        if not query.terms and not query.unknown:
            return {}
        rankings: dict[str, Ints] = {}
        if query.terms:
            scores = self._lexical.scores(expanded(query.terms, self._synonyms, self._weight))
            rankings[WORDS] = first(scores, depth, allowed)
        rankings |= {name: rank(query.rest, depth, allowed) for name, rank in self._further.items()}
        fusion = self._fusion
        if not any(len(rows) and fusion.weights.get(name, 0) > 0 for name, rows in rankings.items()):
            return {}
        rows, values = fuse(rankings, fusion)
        return dict(zip(rows.tolist(), values.tolist(), strict=True))

    def _allowed(self, tags: Sequence[str] | None, since: datetime | None) -> Bools | None:
        """[n] Which entries may be found; None: all."""
        if tags is None and since is None:
            return None
        wanted = None if tags is None else {key_of(tag.strip()) for tag in tags}
        return np.array(
            [
                (since is None or (one.created is not None and one.created >= since))
                and (wanted is None or not wanted.isdisjoint(map(key_of, one.tags)))
                for one in self.entries
            ],
            np.bool_,
        )

    def _reasons(self, query: Query, rows: Ints) -> list[tuple[str, ...]]:
        """Why each of `rows` [r] is among what was found."""
        reasons: list[list[str]] = [[] for _ in rows]
        for name in query.names:
            for place in np.flatnonzero(np.isin(rows, self._people[name])):
                reasons[place].append(f"person {name}")
        others = [term for term in expanded(query.terms, self._synonyms, self._weight) if term not in query.terms]
        for kind, terms in (("word", query.terms), ("synonym", others)):
            for term in terms:
                for place in np.flatnonzero(self._lexical.says(term, rows)):
                    reasons[place].append(f"{kind} {self._words[term]}")
        meant = tuple(name for name in self._further if self._fusion.weights.get(name, 0) > 0)
        return [tuple(own) or meant for own in reasons]


def load(directory: Path) -> Searcher:
    """The index of a library's directory, ready to be asked.

    Raises:
        UserError: There is none, or it is damaged.
    """
    about, folder = read_about(directory), directory / FOLDER
    if not about:
        raise UserError(
            f"{directory} has no index to search yet; run thawline library train FILE out={as_word(directory)}"
        )
    try:
        lexical, words, entries = Lexical.load(folder / LEXICAL), read_json(folder / SHOWN), Entries(folder)
        fusion = Fusion({str(name): float(own) for name, own in about["weights"].items()}, int(about["k"]))
        weight, stems = float(about["synonyms"]), Stems(str(about["language"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"the index in {folder} is damaged ({type(error).__name__}); run thawline library train again"
        ) from error
    synonyms = numbered(read_terms(directory), words)
    return Searcher(
        entries,
        lexical,
        words,
        synonyms,
        stems,
        weight=weight,
        fusion=fusion,
        people=read_named(directory),
        further={},
    )
