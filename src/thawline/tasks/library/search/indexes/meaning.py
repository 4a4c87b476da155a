"""The dense index: entries as vectors, searched by their cosine with a query's, by faiss."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from thawline.tasks.library.search.indexes.sentences import Vectors
from thawline.tasks.library.search.wording.said import Bools, Ints

EXACT: Final = 20_000  # entries up to which all are compared
_LISTS_LOOKED_AT = 32  # of vectors that are near each other: those nearest to the query
_ASKED = 200  # vectors by which an index that is not exact is compared
_TRAINED_ON = 64  # vectors for each list


class Meaning:
    """Which entries a vector is nearest to."""

    def __init__(self, index: Any) -> None:
        """Take an index of faiss."""
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> "Meaning":
        """Index [n, d] vectors of length 1 or 0: exactly, or where there are many by lists and in 8 bits a number."""
        import faiss

        count, width = vectors.shape
        if count <= EXACT:
            index: Any = faiss.IndexFlatIP(max(width, 1))
        else:
            lists = int(np.sqrt(count))
            index = faiss.index_factory(width, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
            index.train(np.ascontiguousarray(vectors[:: max(1, count // (_TRAINED_ON * lists))]))
        index.add(np.ascontiguousarray(vectors) if width else np.zeros((count, 1), np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "Meaning":
        """What `save` wrote."""
        import faiss

        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write it to a file."""
        import faiss

        faiss.write_index(self._index, str(path))

    def agreement(self, vectors: Vectors, depth: int = 10) -> float:
        """The share of the nearest entries to some of [n, d] vectors, compared with all, that the index finds too."""
        if len(vectors) <= EXACT:
            return 1.0
        asked = vectors[:: -(-len(vectors) // _ASKED)]
        pairs = zip(asked, first_of(asked, vectors, depth), strict=True)
        return float(np.mean([np.isin(right, self.nearest(one, depth)).mean() for one, right in pairs]))

    def nearest(self, vector: Vectors, depth: int, allowed: Bools | None = None) -> Ints:
        """The entries nearest to a vector [d], nearest first, none farther than a right angle.

        Args:
            vector: Of length 1.
            depth: Entries at most.
            allowed: [n] which may be found; None: all.
        """
        import faiss

        index = self._index
        chosen: dict[str, Any] = {}
        if allowed is not None:
            selector: Any = faiss.IDSelectorBitmap  # its stub is that of C++
            chosen["sel"] = selector(np.packbits(allowed, bitorder="little"))
        if hasattr(index, "nprobe"):  # of few entries any list may have one
            chosen["nprobe"] = _LISTS_LOOKED_AT if allowed is None else index.nlist
            given: Any = faiss.SearchParametersIVF(**chosen)
        else:
            given = faiss.SearchParameters(**chosen)
        scores, rows = index.search(vector[None].astype(np.float32), min(depth, index.ntotal), params=given)
        found: Ints = rows[0][(rows[0] >= 0) & (scores[0] > 0)]
        return found


def first_of(queries: Vectors, vectors: Vectors, depth: int) -> list[Ints]:
    """For each of [q, d] queries the `depth` nearest of [n, d] vectors, compared with all."""
    found = []
    for at in range(0, len(queries), 64):
        for scores in queries[at : at + 64] @ vectors.T:
            some = np.argpartition(-scores, min(depth, len(scores) - 1))[:depth]
            found.append(some[np.lexsort((some, -scores[some]))])
    return found
