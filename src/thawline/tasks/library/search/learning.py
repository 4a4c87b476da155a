"""Synonyms, related and broader words, learnt from what is said of entries."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from thawline.tasks.library.search.bonds import Bonds, count_bonds
from thawline.tasks.library.search.said import Said
from thawline.tasks.library.search.terms import Terms

SYNONYMS: Final = 5  # of a word at most
RELATED: Final = 10
BROADER: Final = 3
_TOGETHER = 4  # entries that two words must both come up of
_LIFT = 1.5  # that these must be more than by chance
_SURE = 2.5  # standard errors that they must be above chance
_SYNONYM = 0.15  # least evidence: how alike their neighbours are, times the share of entries that say them apart
_SPELLING = 0.4  # how alike the neighbours of words must be that differ in one letter
_LONG = 4  # letters of such words
_HOLDS = 0.8  # of what a word holds of, what a broader one must hold of (Sanderson and Croft 1999)

Pairs = npt.NDArray[np.float64]


def learn_terms(said: Said) -> Terms:
    """What words of a library have to do with each other.

    Two words are synonyms if they come up of the same entries more than by chance, in different sentences of these, or
    one in the text and the other among the tags, rather than side by side, and if the same words stand beside them.
    What comes up side by side is related; what holds of nearly all that another holds of is broader.
    """
    bonds = count_bonds(said)
    words = [said.shown[term] for term in bonds.terms.tolist()]
    expected = np.maximum(bonds.expected, 1e-12)
    surplus = (bonds.both - expected) / np.sqrt(expected)
    bound = (bonds.both >= _TOGETHER) & (bonds.both >= _LIFT * expected) & (surplus >= _SURE)
    synonyms = np.where(bound, evidence(bonds), 0)
    for first, second in _misspelt(words):
        alike = float(bonds.alike[first, second])
        if alike >= _SPELLING and bonds.both[first, second] <= 2 * bonds.apart[first, second]:
            synonyms[first, second] = synonyms[second, first] = max(alike, synonyms[first, second])
    synonyms[synonyms < _SYNONYM] = 0
    broader = np.where(bound, _broader(bonds), 0)
    related = np.where(bound & (synonyms == 0), _dice(bonds), 0)
    return Terms(_ranked(words, synonyms, SYNONYMS), _ranked(words, related, RELATED), _ranked(words, broader, BROADER))


def evidence(bonds: Bonds) -> Pairs:
    """[k, k] how sure it is that two words are said in each other's place, 0 to 1.

    How alike their neighbours are, times the least share (Wilson's bound) of entries with both that say them apart.
    """
    both = np.maximum(bonds.both, 1).astype(np.float64)
    share, z = bonds.apart / both, 1.96
    centre = share + z**2 / (2 * both)
    half = z * np.sqrt(share * (1 - share) / both + z**2 / (4 * both**2))
    least = np.maximum(centre - half, 0) / (1 + z**2 / both)
    sure: Pairs = np.maximum(bonds.alike, 0) * least
    return sure


def _dice(bonds: Bonds) -> Pairs:
    """[k, k] share of the entries of two words that have both."""
    counts = bonds.counts
    share: Pairs = 2 * bonds.both / np.maximum(counts[:, None] + counts[None, :], 1)
    return share


def _broader(bonds: Bonds) -> Pairs:
    """[k, k] how closely a word (column) that holds of nearly all that another (row) holds of fits; 0: it does not."""
    holds = bonds.both / np.maximum(bonds.counts[:, None], 1)
    is_broader = (holds >= _HOLDS) & (holds > holds.T)
    fits: Pairs = np.where(is_broader, holds.T, 0)
    return fits


def _ranked(words: list[str], weights: Pairs, most: int) -> dict[str, list[str]]:
    """Of each word the `most` others with the highest weight above 0; equals by alphabet."""
    ranked: dict[str, list[str]] = {}
    for row in np.flatnonzero((weights > 0).any(axis=1)).tolist():
        there = np.flatnonzero(weights[row]).tolist()
        there.sort(key=lambda other: (-weights[row, other], words[other]))
        ranked[words[row]] = [words[other] for other in there[:most]]
    return dict(sorted(ranked.items()))


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
