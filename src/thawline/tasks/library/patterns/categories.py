"""`category_patterns.json`: which tags a library has, which go together, and what is written of their photos."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash
from scipy import sparse

from thawline.tasks.library.patterns.tags import Tags, thinned

EXAMPLES: Final = 8  # of each tag: a screen of them, and a library of any size has a file of bounded size
LEAST: Final = 2  # entries that have both tags of a pair: of one it says nothing
MOST_PAIRS: Final = 20_000
_LOOKED_AT = 4 * EXAMPLES


def learn_categories(ids: Sequence[str], descriptions: Sequence[str], tags: Tags) -> dict[str, Any]:
    """What the file holds.

    Args:
        ids: [n] of the entries.
        descriptions: [n] "" where an entry has none.
        tags: Of the entries.

    Returns:
        `common_tags`: [[tag, count]], the most frequent first. `patterns`: for each of these tags at most `EXAMPLES`
        of {description, other_tags}, a fair sample of the entries that have it: those whose ids have the lowest
        digests, so that it is the same in whatever order they come; none says what another says. `co_occurrence`:
        [{tags, count, lift, pmi}], the most frequent first; lift is how many times as often two come together as they
        would by chance, pmi its logarithm to base 2. `entries`: n.
    """
    tags = tags.frequent
    return {
        "common_tags": [[tag, int(count)] for tag, count in zip(tags.names, tags.counts, strict=True)],
        "patterns": _patterns(ids, descriptions, tags),
        "co_occurrence": co_occurrence(tags),
        "entries": len(ids),
    }


def co_occurrence(tags: Tags) -> list[dict[str, Any]]:
    """The pairs of tags that come together in at least `LEAST` entries, at most `MOST_PAIRS`."""
    first, second, count = pairs_of(tags)
    order = np.lexsort((second, first, -count))[:MOST_PAIRS]
    first, second, count = first[order], second[order], count[order]
    entries = tags.has.shape[0]
    expected = tags.counts[first].astype(float) * tags.counts[second] / max(entries, 1)
    lifts = count / expected
    return [
        {"tags": [tags.names[a], tags.names[b]], "count": int(n), "lift": round(lift, 4), "pmi": round(pmi, 4)}
        for a, b, n, lift, pmi in zip(first, second, count, lifts.tolist(), np.log2(lifts).tolist(), strict=True)
    ]


def pairs_of(tags: Tags) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """(first, second, in how many entries both) of all pairs that come up at least `LEAST` times."""
    has = thinned(tags.has)
    both = sparse.triu(has.T @ has, k=1).tocoo()
    kept = both.data >= LEAST
    return both.row[kept].astype(np.intp), both.col[kept].astype(np.intp), both.data[kept].astype(np.int64)


def _patterns(ids: Sequence[str], descriptions: Sequence[str], tags: Tags) -> dict[str, list[dict[str, Any]]]:
    told = [number for number, text in enumerate(descriptions) if text]
    order = np.array(sorted(told, key=lambda number: (_digest(ids[number]), ids[number])), np.int64)
    columns = tags.has[order].tocsc()
    columns.sort_indices()
    patterns = {}
    for number, tag in enumerate(tags.names):
        rows = columns.indices[columns.indptr[number] : columns.indptr[number + 1]][:_LOOKED_AT]
        texts: dict[str, int] = {}
        for row in rows:
            if len(texts) < EXAMPLES:
                texts.setdefault(descriptions[order[row]], int(order[row]))
        patterns[tag] = [
            {"description": text, "other_tags": _others(tags, entry, number)} for text, entry in texts.items()
        ]
    return patterns


def _digest(id_: str) -> int:
    return xxhash.xxh3_64_intdigest(id_.encode())


def _others(tags: Tags, entry: int, number: int) -> list[str]:
    has = tags.has
    return [tags.names[other] for other in has.indices[has.indptr[entry] : has.indptr[entry + 1]] if other != number]
