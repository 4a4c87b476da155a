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
from thawline.tasks.library.search.indexes.fusion import DEPTH, Fusion, fuse
from thawline.tasks.library.search.indexes.lexical import Lexical, expanded, first
from thawline.tasks.library.search.judging import MEANING, PHOTOS, WORDS
from thawline.tasks.library.search.query import Query, nearest, understand
from thawline.tasks.library.search.stored import DENSE, DENSE_PHOTOS, FOLDER, LEXICAL, SHOWN, Entries, read_about
from thawline.tasks.library.search.wording.said import Bools, Ints
from thawline.tasks.library.search.wording.stems import Stems
from thawline.tasks.library.search.wording.terms import numbered, read_terms

Rank = Callable[[str, int, Bools | None], Ints]  # text, depth and entries that may be found; to these, best first


@dataclass(frozen=True)
class SearchHit:
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
        notes: What is to be known of it: why it can't do all that it was made for.
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
        notes: Sequence[str] = (),
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
            notes: What is to be known of it.
        """
        self.notes = tuple(notes)
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
    ) -> list[SearchHit]:
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
        depth = max(count, DEPTH)
        rankings = self._rankings(query, depth, allowed)
        scores = self._fused(rankings)
        if query.names:
            named = np.zeros(len(self.entries), np.int64)
            for name in query.names:
                named[self._people[name]] += 1
            own = (named > 0) if allowed is None else (named > 0) & allowed
            scores |= dict.fromkeys(np.flatnonzero(own).tolist(), 0.0)
            scores |= self._fused(self._rankings(query, depth, own))
            scores = {row: score + int(named[row]) for row, score in scores.items()}
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:count]
        meant = {name: rankings[name][:count] for name in self._further if name in rankings}
        by = self._reasons(query, np.array([row for row, _ in ranked], np.int64), meant)
        return [SearchHit(self.entries[row].id, score, why, row) for (row, score), why in zip(ranked, by, strict=True)]

    def _rankings(self, query: Query, depth: int, allowed: Bools | None) -> dict[str, Ints]:
        if not query.terms and not query.unknown:
            return {}
        rankings: dict[str, Ints] = {}
        if query.terms:
            scores = self._lexical.scores(expanded(query.terms, self._synonyms, self._weight))
            rankings[WORDS] = first(scores, depth, allowed)
        return rankings | {name: rank(query.rest, depth, allowed) for name, rank in self._further.items()}

    def _fused(self, rankings: Mapping[str, Ints]) -> dict[int, float]:
        """The score of each row."""
        rows, scores = fuse(rankings, self._fusion)
        return dict(zip(rows.tolist(), scores.tolist(), strict=True))

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

    def _reasons(self, query: Query, rows: Ints, meant: Mapping[str, Ints]) -> list[tuple[str, ...]]:
        """Why each of `rows` [r] was found; `meant` are the first of other rankings than that by words."""
        reasons: list[list[str]] = [[] for _ in rows]
        for name in query.names:
            _add(reasons, f"person {name}", np.isin(rows, self._people[name]))
        others = [term for term in expanded(query.terms, self._synonyms, self._weight) if term not in query.terms]
        for kind, terms in (("word", query.terms), ("synonym", others)):
            for term in terms:
                _add(reasons, f"{kind} {self._words[term]}", self._lexical.says(term, rows))
        for name, first_ones in meant.items():
            _add(reasons, name, np.isin(rows, first_ones) | np.array([not own for own in reasons], np.bool_))
        return [tuple(own) for own in reasons]


def _add(reasons: Sequence[list[str]], reason: str, holds: Bools) -> None:
    for place in np.flatnonzero(holds).tolist():
        reasons[place].append(reason)


def load(directory: Path, sentences: str | None = None) -> Searcher:
    """The index of a library's directory, ready to be asked.

    Where its sentence encoder is not to be had, search goes by words alone, and `notes` say so.

    Args:
        directory: The library's.
        sentences: Where the sentence encoder lies; None: where it lay when the library was learnt.

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
        if not isinstance(words, list) or not len(entries) == lexical.entries:
            raise ValueError
        fusion = Fusion({str(name): float(own) for name, own in about["weights"].items()}, int(about["k"]))
        weight, stems = float(about["synonyms"]), Stems(str(about["language"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"the index in {folder} is damaged ({type(error).__name__}); run thawline library train again"
        ) from error
    synonyms = numbered(read_terms(directory), words)
    further, notes = _by_meaning(folder, about.get("sentences"), sentences, fusion)
    by_photos, further_notes = _by_photos(folder, about.get("clip"), fusion)
    further, notes = further | by_photos, notes + further_notes
    kept = {name: own for name, own in fusion.weights.items() if name == WORDS or name in further}
    fusion = Fusion(kept if any(kept.values()) else {WORDS: 1.0}, fusion.k)
    return Searcher(
        entries,
        lexical,
        words,
        synonyms,
        stems,
        weight=weight,
        fusion=fusion,
        people=read_named(directory),
        further=further,
        notes=notes,
    )


def _by_meaning(
    folder: Path, made_with: Mapping[str, str] | None, given: str | None, fusion: Fusion
) -> tuple[dict[str, Rank], list[str]]:
    """The ranking by meaning, where there is one and it counts; and why there is none although there should be."""
    if made_with is None:
        return {}, ["this library was learnt without a sentence encoder; search goes by words"] if given else []
    if not fusion.weights.get(MEANING):
        return {}, []
    from thawline.tasks.library.search.indexes.meaning import Meaning
    from thawline.tasks.library.search.indexes.sentences import QUERY, Sentences, locate

    try:
        encoder = Sentences(locate(given or made_with["directory"], "sentences"))
        index = Meaning.load(folder / DENSE)
    except UserError as error:
        return {}, [f"{error}; search goes by words alone"]
    except (RuntimeError, OSError) as error:  # faiss's
        raise UserError(f"{folder / DENSE} is damaged ({type(error).__name__}); run library train again") from error
    if encoder.digest != made_with["digest"]:
        where = encoder.directory
        return {}, [f"{where} is not the sentence encoder that the index was made with; search goes by words alone"]

    def rank(text: str, depth: int, allowed: Bools | None) -> Ints:
        return index.nearest(encoder.encode([text], QUERY)[0], depth, allowed)

    return {MEANING: rank}, []


def _by_photos(folder: Path, made_with: Mapping[str, str] | None, fusion: Fusion) -> tuple[dict[str, Rank], list[str]]:
    """The ranking of photos by a CLIP, where there is one and it counts; and why it can't be had."""
    if made_with is None or not fusion.weights.get(PHOTOS):
        return {}, []
    from thawline.tasks.library.search.indexes.meaning import Meaning
    from thawline.tasks.library.search.indexes.pictures import Pictures

    try:
        pictures = Pictures(made_with["name"])
        index = Meaning.load(folder / DENSE_PHOTOS)
    except UserError as error:
        return {}, [f"{error}; search goes on without photos"]
    except (RuntimeError, OSError) as error:  # faiss's
        where = folder / DENSE_PHOTOS
        raise UserError(f"{where} is damaged ({type(error).__name__}); run library train again") from error
    if pictures.digest != made_with["digest"]:
        return {}, [f"{pictures.name} is not the CLIP that the index was made with; search goes on without photos"]
    return {PHOTOS: lambda text, depth, allowed: index.nearest(pictures.texts([text])[0], depth, allowed)}, []
