"""Mismatches for image–text pairs that match: random ones, and hard ones by an index of nearest neighbours."""

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]

_EXACT = 2048  # up to so many vectors all are compared
_PROBED = 8  # of about sqrt(vectors) cells
_MOST_NEIGHBOURS = 512
_TRIES = 64  # random draws for one mismatch before all texts are looked through


@dataclass(frozen=True)
class Mismatch:
    """A text that is not true of an image.

    Attributes:
        match: Index of the match whose image it has.
        source: Index of the match whose text it has.
        difficulty: "random" or "hard".
        similarity: Cosine by which a hard one was chosen; None for a random one.
    """

    match: int
    source: int
    difficulty: str
    similarity: float | None = None


@dataclass(frozen=True)
class Similar:
    """For each match its most similar matches by one modality, the most similar first.

    Attributes:
        matches: [matches, neighbours] indices; -1 where there are no more.
        cosines: [matches, neighbours].
    """

    matches: IntArray
    cosines: FloatArray


def find_similar(features: FloatArray, ids: IntArray, neighbours: int) -> Similar:
    """The nearest matches of other texts (or images), by an index: vectors in cells, of which the nearest are searched.

    Up to 2,048 distinct vectors are searched exactly. The same input gives the same answer.

    Args:
        features: [matches, width], of each match's text (or image).
        ids: [matches] number of each match's text (or image): one of each number is a neighbour, its first.
        neighbours: How many to find, at most 512.
    """
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    vectors = np.ascontiguousarray(features[first], dtype=np.float32)
    faiss.normalize_L2(vectors)
    wanted = min(neighbours, _MOST_NEIGHBOURS, len(vectors) - 1)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # sums in another order would be other cells
    try:
        cosines, found = _index(vectors).search(vectors, wanted + 1)
    finally:
        faiss.omp_set_num_threads(threads)
    found = found.astype(np.int64)
    found[found == np.arange(len(vectors))[:, None]] = -1
    matches = np.where(found >= 0, first[found], -1).astype(np.int64)
    return Similar(matches[inverse], cosines[inverse].astype(np.float32))


def _index(vectors: FloatArray) -> faiss.Index:
    count, width = vectors.shape
    if count <= _EXACT:
        index: faiss.Index = faiss.IndexFlatIP(width)
    else:
        cells = round(count**0.5)
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = 0
        index.nprobe = _PROBED
        index.train(vectors)
    index.add(vectors)
    return index


def make_mismatches(
    images: IntArray, texts: IntArray, *, random: int, hard: int, similar: Similar | None = None, seed: int = 0
) -> list[Mismatch]:
    """Mismatches for each match, none twice for one image.

    A text is true of an image if it stands with that image, or one that looks the same, in any match. Where fewer
    texts are left than asked for, a match gets fewer.

    Args:
        images: [matches] number of each match's image, the same one for near-duplicates.
        texts: [matches] number of each match's text, the same one for near-same texts.
        random: How many random ones a match gets: the texts of other matches, so that frequent texts are frequent here.
        hard: How many hard ones: the texts of its most similar matches.
        similar: Those; needed with `hard`.
        seed: Of the random ones.

    Returns:
        In the order of the matches, the hard ones of each first.
    """
    used: dict[int, set[int]] = {}  # texts that an image is not given: true of it, or given already
    for image, text in zip(images.tolist(), texts.tolist(), strict=True):
        used.setdefault(image, set()).add(text)
    # All hard ones first: a random one must not take a hard one's text.
    found: list[list[Mismatch]] = [[] for _ in images]
    if hard:
        if similar is None:
            raise ValueError("hard mismatches need `similar`")
        for match, image in enumerate(images.tolist()):
            found[match] += _hard(match, used[image], texts, similar, hard)
    rng = np.random.default_rng(seed)
    for match, image in enumerate(images.tolist()):
        found[match] += _random(match, used[image], texts, random, rng)
    return [mismatch for those in found for mismatch in those]


def _hard(match: int, used: set[int], texts: IntArray, similar: Similar, count: int) -> list[Mismatch]:
    found: list[Mismatch] = []
    for source, cosine in zip(similar.matches[match].tolist(), similar.cosines[match].tolist(), strict=True):
        if len(found) == count:
            break
        if source >= 0 and (text := int(texts[source])) not in used:
            used.add(text)
            found.append(Mismatch(match, source, "hard", cosine))
    return found


def _random(match: int, used: set[int], texts: IntArray, count: int, rng: np.random.Generator) -> list[Mismatch]:
    found = []
    for _ in range(count):
        drawn = next(
            (source for source in rng.integers(len(texts), size=_TRIES) if int(texts[source]) not in used), None
        )
        if drawn is None:  # nearly all texts are true of this image
            left = np.flatnonzero(~np.isin(texts, list(used)))
            if not len(left):
                break
            drawn = rng.choice(left)
        used.add(int(texts[drawn]))
        found.append(Mismatch(match, int(drawn), "random"))
    return found
