"""Synonyms, related and broader words, learnt from what is said of entries."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from thawline.tasks.library.search.wording.bonds import Bonds, Floats, Ints, count_bonds
from thawline.tasks.library.search.wording.said import Said
from thawline.tasks.library.search.wording.terms import Terms

SYNONYMS: Final = 5  # of a word at most
RELATED: Final = 10
BROADER: Final = 3
_SYNONYM = 0.15  # least evidence: how alike their neighbours are, times the share of entries that say them apart
_SPELLING = 0.4  # how alike the neighbours of words must be that differ in one letter
_LONG = 4  # letters of such words
_HOLDS = 0.8  # of what a word holds of, what a broader one must hold of (Sanderson and Croft 1999)


def learn_terms(said: Said) -> Terms:
    """What words of a library have to do with each other.

    Two words are synonyms if they come up of the same entries more than by chance, in different sentences of these, or
    one in the text and the other among the tags, rather than side by side, and if the same words stand beside them.
    What comes up side by side is related; what holds of nearly all that another holds of is broader.
    """
    bonds = count_bonds(said)
    words = [said.shown[term] for term in bonds.terms.tolist()]
    first, second = bonds.first, bonds.second
    sure = evidence(bonds)
    also = _spelled_alike(bonds, words)
    weights = dict(zip(zip(first.tolist(), second.tolist(), strict=True), sure.tolist(), strict=True))
    synonyms = {pair: weight for pair, weight in weights.items() if weight >= _SYNONYM} | also
    both, counts = bonds.entries_of(first, second), bonds.counts
    holds = both / counts[first]
    is_related = np.array([pair not in synonyms for pair in weights], np.bool_)
    is_broader = (holds >= _HOLDS) & (counts[second] > counts[first])
    one, other = (np.array([pair[side] for pair in synonyms], np.int64) for side in (0, 1))
    return Terms(
        _ranked(words, one, other, np.array(list(synonyms.values())), SYNONYMS),
        _ranked(
            words,
            first[is_related],
            second[is_related],
            (2 * both / (counts[first] + counts[second]))[is_related],
            RELATED,
        ),
        _ranked(words, first[is_broader], second[is_broader], (both / counts[second])[is_broader], BROADER),
    )


def evidence(bonds: Bonds) -> Floats:
    """[p] How sure it is that the words of a pair are said in each other's place, 0 to 1.

    How alike their neighbours are, times the least share (Wilson's bound) of entries with both that say them apart.
    """
    both, z = np.maximum(bonds.entries_of(bonds.first, bonds.second), 1), 1.96
    share = bonds.apart(bonds.first, bonds.second) / both
    centre = share + z**2 / (2 * both)
    half = z * np.sqrt(share * (1 - share) / both + z**2 / (4 * both**2))
    least = np.maximum(centre - half, 0) / (1 + z**2 / both)
    sure: Floats = np.maximum(bonds.alike(bonds.first, bonds.second), 0) * least
    return sure


def _spelled_alike(bonds: Bonds, words: list[str]) -> dict[tuple[int, int], float]:
    """How alike the neighbours are of two spellings of a word, which are seldom said side by side."""
    pairs = np.array(list(_misspelt(words)), np.int64).reshape(-1, 2)
    first, second = pairs[:, 0], pairs[:, 1]
    alike = bonds.alike(first, second)
    kept = (alike >= _SPELLING) & (bonds.entries_of(first, second) <= 2 * bonds.apart(first, second))
    found: dict[tuple[int, int], float] = {}
    for one, other, weight in zip(first[kept].tolist(), second[kept].tolist(), alike[kept].tolist(), strict=True):
        found[one, other] = found[other, one] = weight
    return found


def _ranked(words: list[str], first: Ints, second: Ints, weights: Floats, most: int) -> dict[str, list[str]]:
    """Of each first word the `most` second ones with the highest weights; equals by alphabet."""
    place = np.empty(len(words), np.int64)
    place[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    ranked: dict[str, list[str]] = {}
    for row in np.lexsort((place[second], -np.round(weights, 9), place[first])).tolist():
        own = ranked.setdefault(words[first[row]], [])
        if len(own) < most:
            own.append(words[second[row]])
    return ranked


def _misspelt(words: list[str]) -> Iterable[tuple[int, int]]:
    """Pairs of longer words that begin alike and differ in one letter, or in one that only one of them has."""
    forms: dict[str, list[int]] = {}
    known = {word: number for number, word in enumerate(words)}
    for number, word in enumerate(words):
        if len(word) >= _LONG:
            for i in range(1, len(word)):
                forms.setdefault(f"{word[:i]}\0{word[i + 1 :]}", []).append(number)
    pairs: set[tuple[int, int]] = set()
    for form, some in forms.items():
        shorter = known.get(form.replace("\0", ""))
        close = some if shorter is None else [*some, shorter]
        pairs.update((a, b) for a in close for b in close if a < b)
    return sorted(pairs)
