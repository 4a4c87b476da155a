"""`description_patterns.json`: which words and phrases a library uses of the photos with a tag."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from thawline.tasks.library.patterns.log_odds import log_odds
from thawline.tasks.library.patterns.tags import Matrix, Tags
from thawline.tasks.library.patterns.words import BREAK, Texts

WORDS: Final = 10  # of a tag
PHRASES: Final = 5
LEAST: Final = 2  # entries with the tag that have the word
LEAST_PHRASE: Final = 3  # entries of the library that have a phrase
MOST_PHRASES: Final = 50_000  # of the library, the most frequent
MOST_WORDS: Final = 2_000_000  # that phrases may consist of: three of their numbers fit in 64 bits
SURE: Final = 1.96  # z-score: what lies below may be chance
_AT_ONCE = 256  # tags whose words are counted together: these matrices are large


def learn_descriptions(tags: Tags, texts: Texts) -> dict[str, Any]:
    """What the file holds.

    Args:
        tags: Of the entries.
        texts: [n] what is said of each entry, its description first.

    Returns:
        For each tag: `count`, entries that have it; `common_words`, the words that those say rather than the others,
        by log-odds, the surest first; `avg_length`, words of their descriptions, those without left out; `weights`,
        the z-score of each of the words; `phrases`, the same of two words, or two with a function word between.
    """
    tags = tags.frequent
    words, names = presence(texts)
    phrases, phrase_names = phrases_of(texts)
    lengths = texts.lengths
    has_text = (lengths > 0).astype(np.int64)
    told = tags.has.T @ has_text
    total = tags.has.T @ lengths.astype(np.int64)
    chosen = _chosen(tags, words, names, WORDS)
    spoken = _chosen(tags, phrases, phrase_names, PHRASES)
    return {
        tag: {
            "count": int(tags.counts[number]),
            "common_words": [word for word, _ in chosen[number]],
            "avg_length": round(float(total[number] / told[number]), 2) if told[number] else 0.0,
            "weights": [z for _, z in chosen[number]],
            "phrases": [phrase for phrase, _ in spoken[number]],
        }
        for number, tag in enumerate(tags.names)
    }


def presence(texts: Texts) -> tuple[Matrix, list[str]]:
    """([n, w] 1 where a text has a word that says something, these words)."""
    content = texts.content
    kept = content[texts.numbers] if len(texts.numbers) else np.zeros(0, bool)
    place = np.cumsum(content) - 1
    columns = place[texts.numbers[kept]]
    matrix = _binary(texts.rows[kept], columns, (len(texts), int(content.sum())))
    return matrix, [word for word, is_one in zip(texts.words, content, strict=True) if is_one]


def phrases_of(texts: Texts) -> tuple[Matrix, list[str]]:
    """([n, p] 1 where a text has a phrase, these phrases): those of `LEAST_PHRASE` texts, at most `MOST_PHRASES`.

    A phrase is two words that say something, side by side or with one function word between.
    """
    s, rows, content = texts.numbers.astype(np.int64), texts.rows, texts.content
    size = min(len(texts.words), MOST_WORDS)
    if len(s) < 3:
        return _binary(rows[:0], rows[:0], (len(texts), 0)), []
    says, silent = content[s] & (s < size), ~content[s] & (s != BREAK) & (s < size)
    two = np.flatnonzero(says[:-1] & says[1:])
    three = np.flatnonzero(says[:-2] & silent[1:-1] & says[2:])
    # The middle word is 0 where there is none: numbers of three words make one number.
    codes = np.concatenate(
        [(s[two] * size) * size + s[two + 1], (s[three] * size + s[three + 1]) * size + s[three + 2]]
    )
    at = np.concatenate([rows[two], rows[three]])
    found, columns = np.unique(codes, return_inverse=True)
    matrix = _binary(at, columns, (len(texts), len(found)))
    counts = np.bincount(matrix.indices, minlength=len(found))
    least = LEAST_PHRASE if len(counts) <= MOST_PHRASES else np.partition(counts, -MOST_PHRASES)[-MOST_PHRASES] + 1
    kept = np.flatnonzero(counts >= max(LEAST_PHRASE, least))
    words = texts.words
    names = [
        " ".join(word for word in (words[code // size // size], words[code // size % size], words[code % size]) if word)
        for code in found[kept].tolist()
    ]
    return sparse.csr_array(matrix.tocsc()[:, kept]), names


def _binary(rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer], shape: tuple[int, int]) -> Matrix:
    matrix = sparse.csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _chosen(tags: Tags, has: Matrix, names: list[str], most: int) -> list[list[tuple[str, float]]]:
    """For each tag what it has rather than others, with z-scores, the surest first."""
    totals = np.asarray(has.sum(axis=0), np.int64).ravel()
    by_tag = tags.has.T.tocsr()
    chosen: list[list[tuple[str, float]]] = []
    for start in range(0, len(tags.names), _AT_ONCE):
        counts = sparse.csr_array(by_tag[start : start + _AT_ONCE] @ has)
        z = log_odds(counts, totals)
        z.data[(counts.data < LEAST) | (z.data < SURE)] = 0
        chosen += [
            _surest(z.data[low:high], z.indices[low:high], names, most)
            for low, high in zip(z.indptr, z.indptr[1:], strict=False)
        ]
    return chosen


def _surest(
    values: npt.NDArray[np.float64], columns: npt.NDArray[np.integer], names: list[str], most: int
) -> list[tuple[str, float]]:
    """(name, z-score) of the highest above 0; of two that are alike to two digits the first by name."""
    values = np.round(values, 2)
    least = np.partition(values, -most)[-most] if len(values) > most else 0
    best = np.flatnonzero((values > 0) & (values >= least))
    return sorted(((names[columns[i]], float(values[i])) for i in best), key=lambda one: (-one[1], one[0]))[:most]
