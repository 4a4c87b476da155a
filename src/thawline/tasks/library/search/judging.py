"""What search is worth: an entry's caption is held out and searched for, and should find the entry by the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import xxhash

from thawline.judging.intervals import mean_share, proportion
from thawline.judging.paired import compare, compare_scores
from thawline.tasks.library.search.indexes.fusion import DEPTH, NOWHERE, Floats, Fusion, Ranked, candidates, even, gains
from thawline.tasks.library.search.indexes.lexical import Lexical, Scores, expanded, first
from thawline.tasks.library.search.wording.learning import learn_terms
from thawline.tasks.library.search.wording.said import CAPTION, Ints, Said
from thawline.tasks.library.search.wording.terms import numbered

LIKE: Final = 10  # first entries that are looked at
FOLDS: Final = 5
MOST_JUDGED: Final = 500  # captions
LEAST_JUDGED: Final = 20  # captions: of fewer nothing can be said
# Of synonyms, that are tried, the usual one first. None is 0: who asks for a word wants those with the other too.
WEIGHTS: Final = (0.2, 0.1, 0.05, 0.3, 0.5)
WORDS, PLAIN, MEANING, PHOTOS, FUSED = "words", "words_without_synonyms", "meaning", "photos", "fused"  # ways to search

Rankings = Sequence[Ints]
Further = Mapping[str, Callable[[Ints], Rankings]]


@dataclass(frozen=True)
class TunedSearch:
    """How search is best done in a library, and what it is worth.

    Attributes:
        weight: Of synonyms in a query.
        fusion: Of the rankings.
        figures: On held-out captions; None: there are too few.
    """

    weight: float
    fusion: Fusion
    figures: Mapping[str, Any] | None = field(default=None)


@dataclass(frozen=True, eq=False)
class _Lexical:
    """Rankings by words.

    Attributes:
        rankings: [w] for each weight of synonyms, of each query the first entries.
        ranks: [w, q] of the right ones.
        plain: [q] of the right ones, without synonyms.
    """

    rankings: list[list[Ints]]
    ranks: Ints
    plain: Ints


def judge_search(
    ids: Sequence[str], said: Said, further: Further | None = None, *, most: int = MOST_JUDGED
) -> TunedSearch:
    """Search for captions in entries whose captions are held out, and fit how it is best done.

    Synonyms are learnt without these captions. Figures are of folds of queries: what is chosen for a fold, the weight
    of synonyms and of the rankings, is chosen on the queries of the other folds.

    Args:
        ids: [n] of the entries, by which captions are chosen.
        said: What is said of them.
        further: Other rankings by name: given the entries whose captions are asked, the first entries for each, where
            these captions are held out.
        most: Captions that are asked.
    """
    names = (WORDS, *(further or {}))
    asked, digests = _asked(ids, said, most)
    if len(asked) < LEAST_JUDGED:
        return TunedSearch(WEIGHTS[0], even(names))
    lexical = _by_words(said, asked)
    others = {name: rank(asked) for name, rank in (further or {}).items()}
    folds = (digests // np.uint64(7) % np.uint64(FOLDS)).astype(np.int64)
    by_words = gains(lexical.ranks)
    ranked = [
        Ranked.of([{WORDS: one, **{name: others[name][q] for name in others}} for q, one in enumerate(own)], asked)
        for own in lexical.rankings
    ]
    tried = candidates(names)
    fused = {weight: np.stack([one.fused(fusion) for fusion in tried]) for weight, one in enumerate(ranked)}
    everyone = np.ones(len(asked), np.bool_)
    words, together = np.empty(len(asked), np.int64), np.empty(len(asked), np.int64)
    for fold in range(FOLDS):
        own = folds == fold
        weight, fusion = _choose(by_words, fused, ~own if (~own).any() else everyone)
        words[own], together[own] = lexical.ranks[weight][own], fused[weight][fusion][own]
    ranks = {PLAIN: lexical.plain, WORDS: words}
    if others:
        ranks |= {**{name: _ranks(others[name], asked) for name in others}, FUSED: together}
    weight, fusion = _choose(by_words, fused, everyone)
    return TunedSearch(WEIGHTS[weight], tried[fusion], _figures(ranks, WEIGHTS[weight], tried[fusion]))


def _choose(by_words: Floats, fused: Mapping[int, Ints], queries: Any) -> tuple[int, int]:
    """The weight of synonyms that serves `queries` best by words alone, and with it the fusion that does."""
    weight = int(np.argmax(np.round(by_words[:, queries].mean(axis=1), 9)))
    fusion = int(np.argmax(np.round(gains(fused[weight])[:, queries].mean(axis=1), 9)))
    return weight, fusion


def _asked(ids: Sequence[str], said: Said, most: int) -> tuple[Ints, Any]:
    """The entries whose captions are asked, which say something besides, and digests of their ids."""
    captions = np.zeros(said.entries, np.bool_)
    rest = captions.copy()
    captions[said.rows[said.kinds == CAPTION]] = True
    rest[said.rows[said.kinds != CAPTION]] = True
    both = np.flatnonzero(captions & rest)
    names = [ids[row].encode("utf-8", "replace") for row in both.tolist()]
    digests = np.array([xxhash.xxh3_64_intdigest(name) for name in names], np.uint64)
    order = np.sort(np.argsort(digests, kind="stable")[:most])
    return both[order], digests[order]


def _by_words(said: Said, asked: Ints) -> _Lexical:
    is_asked = np.zeros(said.entries, np.bool_)
    is_asked[asked] = True
    held = said.only(~(is_asked[said.rows] & (said.kinds == CAPTION)))
    index, synonyms = Lexical.build(held), numbered(learn_terms(held), said.shown)
    rankings: list[list[Ints]] = [[] for _ in WEIGHTS]
    ranks, without = np.full((len(WEIGHTS), len(asked)), NOWHERE), np.full(len(asked), NOWHERE)
    queries = said.only(is_asked[said.rows] & (said.kinds == CAPTION))
    starts, ends = (np.searchsorted(queries.rows, asked, side) for side in ("left", "right"))
    for query, (row, start, end) in enumerate(zip(asked.tolist(), starts, ends, strict=True)):
        own = dict.fromkeys(queries.terms[start:end].tolist(), 1.0)
        others = {term: 1.0 for term in expanded(own, synonyms, 1.0) if term not in own}
        plain, further = index.scores(own), index.scores(others)
        for number, weight in enumerate(WEIGHTS):
            scores = plain + np.float32(weight) * further
            rankings[number].append(first(scores, DEPTH))
            ranks[number, query] = _rank(scores, row)
        without[query] = _rank(plain, row)
    return _Lexical(rankings, ranks, without)


def _rank(scores: Scores, row: int) -> int:
    """The rank of an entry, from 1; equals count as placed above it."""
    return int((scores >= scores[row]).sum()) if scores[row] > 0 else NOWHERE


def _ranks(rankings: Rankings, right: Ints) -> Ints:
    """[q] The rank of each right entry, from 1; `NOWHERE`: it is not among the first."""
    found = [np.flatnonzero(own == row) for own, row in zip(rankings, right.tolist(), strict=True)]
    return np.array([one[0] + 1 if len(one) else NOWHERE for one in found], np.int64)


def _figures(ranks: Mapping[str, Ints], weight: float, fusion: Fusion) -> dict[str, Any]:
    """recall@10 and nDCG@10 of each way to search, with intervals, and paired tests between them."""
    groups = np.arange(len(next(iter(ranks.values()))))
    said: dict[str, Any] = {"captions": len(groups), "synonyms_weight": weight}
    for name, own in ranks.items():
        said[name] = {
            f"recall@{LIKE}": _estimate(proportion(own <= LIKE, groups)),
            f"ndcg@{LIKE}": _estimate(mean_share(gains(own), groups)),
        }
    pairs = [(WORDS, PLAIN), *((FUSED, name) for name in ranks if FUSED in ranks and name not in (FUSED, PLAIN))]
    said["tests"] = {f"{a} against {b}": _test(ranks[a], ranks[b], a, b) for a, b in pairs}
    if FUSED in ranks:
        said["fusion"] = {"weights": dict(fusion.weights), "k": fusion.k}
    return said


def _test(ranks_a: Ints, ranks_b: Ints, name_a: str, name_b: str) -> dict[str, Any]:
    groups, yes = np.arange(len(ranks_a)), np.ones(len(ranks_a), int)
    names = {"name_a": name_a.replace("_", " "), "name_b": name_b.replace("_", " ")}
    return {
        f"recall@{LIKE}": compare(yes, ranks_a <= LIKE, ranks_b <= LIKE, groups, **names).to_json(),
        f"ndcg@{LIKE}": compare_scores(gains(ranks_a), gains(ranks_b), groups, **names).to_json(),
    }


def _estimate(one: Any) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}
