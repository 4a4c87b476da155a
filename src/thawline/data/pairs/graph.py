"""Which pairs belong together because they share an image or a text, and splits that keep them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from thawline.data.groups import components as connected
from thawline.data.pairs.table import Pair, same_text
from thawline.data.photos.groups import find_copies
from thawline.data.photos.photo import PhotoFacts
from thawline.data.splits import holdout
from thawline.errors import UserError

IntArray = npt.NDArray[np.int64]
TextArray = npt.NDArray[np.str_]

# A component with more of the pairs than this leaves too few to hold out (0.2, and 0.2 of the rest).
LARGEST_SHARE = 0.5
# Of each label: one for each side of a split into three.
FEWEST_GROUPS = 3

_BUNDLES = 4096
_LABELS = ((1, "matches"), (0, "mismatches"))


def text_ids(texts: Sequence[str]) -> IntArray:
    """One number for texts that are the same but for Unicode NFKC, case, punctuation and white space.

    Returns:
        [texts] 0, 1, ... in the order of the first of each.
    """
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(same_text(text), len(numbers)) for text in texts], dtype=np.int64)


def image_ids(pairs: Sequence[Pair], facts: Mapping[str, PhotoFacts]) -> IntArray:
    """One number for images that are the same or look the same.

    Args:
        pairs: With images that can be decoded.
        facts: By `Pair.image`.

    Returns:
        [pairs] numbers from 0.
    """
    names = list(dict.fromkeys(pair.image for pair in pairs))
    ids = dict(zip(names, find_copies([facts[name] for name in names]).tolist(), strict=True))
    return np.array([ids[pair.image] for pair in pairs], dtype=np.int64)


def components(images: IntArray, texts: IntArray) -> IntArray:
    """The connected component of each pair in the graph whose nodes are images and texts, and whose edges are pairs.

    Args:
        images: [pairs] number of each pair's image.
        texts: [pairs] number of each pair's text.

    Returns:
        [pairs] 0, 1, ... in the order of the first pair of each.
    """
    image, text = _numbered(images), _numbered(texts)
    first = int(image.max()) + 1 if len(image) else 0
    count = first + (int(text.max()) + 1 if len(text) else 0)
    return _numbered(connected(count, np.stack([image, first + text], axis=1))[image])


@dataclass(frozen=True)
class Grouping:
    """Which pairs may not be parted.

    Attributes:
        ids: [pairs] group of each pair.
        whole: The groups are components: no image and no text is on two sides of a split that respects them. If not,
            one component is too large for that: groups are images, and what a split shares of texts must be dropped.
        largest: Share of the pairs in the largest component, 0 to 1.
    """

    ids: IntArray
    whole: bool
    largest: float


def find_grouping(images: IntArray, texts: IntArray, labels: IntArray, *, most: float = LARGEST_SHARE) -> Grouping:
    """Components where a split by them is possible, else images.

    Args:
        images: [pairs] number of each pair's image, the same one for near-duplicates.
        texts: [pairs] number of each pair's text.
        labels: [pairs] 0 or 1.
        most: Share of the pairs that the largest component may have.
    """
    ids = components(images, texts)
    largest = float(np.bincount(ids).max() / len(ids))
    enough = all(len(np.unique(ids[labels == label])) >= FEWEST_GROUPS for label in np.unique(labels))
    whole = largest <= most and enough
    return Grouping(ids if whole else _numbered(images), whole, largest)


def drop_shared(train: IntArray, held: IntArray, texts: IntArray) -> IntArray:
    """The indices `train` without those whose text is also one of `held`'s.

    Args:
        train: Indices of pairs.
        held: Indices of the pairs to be judged or chosen by.
        texts: [pairs] number of each pair's text.
    """
    return train[~np.isin(texts[train], texts[held])]


def split_pairs(
    grouping: Grouping,
    texts: IntArray,
    labels: IntArray,
    difficulty: Sequence[str | None] | None = None,
    *,
    test: float = 0.2,
    val: float = 0.2,
    seed: int,
) -> TextArray:
    """The side of each pair. No group is cut, and labels and difficulties have about the same shares on every side.

    Args:
        grouping: From `find_grouping`. Where it isn't whole, pairs of `train` (and then `val`) are dropped whose text
            is also on a side that is judged.
        texts: [pairs] number of each pair's text.
        labels: [pairs] 0 or 1.
        difficulty: Of each pair; None: not known of any.
        test: Share of the groups held out for the result.
        val: Share of the other groups held out to choose by.
        seed: Of the shuffle.

    Returns:
        [pairs] "train", "val" or "test"; "" for a pair that is dropped.

    Raises:
        UserError: Too few groups of matches or of mismatches.
    """
    groups = grouping.ids
    sides = np.full(len(groups), "train", dtype="<U5")
    for side, share in (("test", test), ("val", val)):
        rest = np.flatnonzero(sides == "train")
        _check_groups(labels[rest], groups[rest], whole=grouping.whole)
        harder = None if difficulty is None else [difficulty[i] for i in rest.tolist()]
        strata = _strata(labels[rest], groups[rest], harder)
        sides[rest[holdout(strata, _bundled(groups[rest], seed), fraction=share, seed=seed)]] = side
    if not grouping.whole:
        for side, judged in (("val", ["test"]), ("train", ["val", "test"])):
            own, held = np.flatnonzero(sides == side), np.flatnonzero(np.isin(sides, judged))
            sides[np.setdiff1d(own, drop_shared(own, held, texts))] = ""
        _check_left(labels, sides)
    return sides


def check_sides(pairs: Sequence[Pair], images: IntArray, texts: IntArray) -> None:
    """Refuse a given split that has an image or a text on two sides: what was learnt by heart would be judged.

    Args:
        pairs: With their sides.
        images: [pairs] number of each pair's image, the same one for near-duplicates.
        texts: [pairs] number of each pair's text.

    Raises:
        UserError: Names the first image, or else text, that two sides share, with both rows.
    """
    for what, ids in (("image", images), ("text", texts)):
        shared = _shared(pairs, ids)
        if shared:
            first, other = shared[0]
            more = f" (and {len(shared) - 1} more)" if len(shared) > 1 else ""
            raise UserError(
                f"the split has the same {what} on two sides{more}: {_where(first)} and {_where(other)}"
                f"{_looks(first, other) if what == 'image' else f', {first.text[:60]!r}'}; keep each on one side, or "
                "join the files and let 'thawline data split' part them"
            )


def _shared(pairs: Sequence[Pair], ids: IntArray) -> list[tuple[Pair, Pair]]:
    """The first pair of each id that is on two sides, and the first one on another side."""
    first: dict[int, Pair] = {}
    shared: dict[int, tuple[Pair, Pair]] = {}
    for number, pair in zip(ids.tolist(), pairs, strict=True):
        known = first.setdefault(number, pair)
        if known.side != pair.side:
            shared.setdefault(number, (known, pair))
    return list(shared.values())


def _where(pair: Pair) -> str:
    return f"row {pair.row} of {pair.file} ({pair.side})"


def _looks(first: Pair, other: Pair) -> str:
    same = first.image == other.image
    return f", {first.image}" if same else f", {first.image} and {other.image} look the same"


def _numbered(ids: npt.ArrayLike) -> IntArray:
    """The same ids as 0, 1, ... in the order of their first occurrence."""
    _, first, inverse = np.unique(np.asarray(ids), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _strata(labels: IntArray, groups: IntArray, difficulty: Sequence[str | None] | None) -> IntArray:
    """Label and difficulty as one number; difficulties in too few groups to be spread count with their label alone."""
    if difficulty is None:
        return labels
    named = np.array([f"{label} {value or ''}" for label, value in zip(labels.tolist(), difficulty, strict=True)])
    for name in np.unique(named):
        member = named == name
        if len(np.unique(groups[member])) < 2 * FEWEST_GROUPS:
            named[member] = [value[:1] for value in named[member]]
    for label in np.unique(labels):  # what is left over may itself be too little
        rest = named == str(label)
        if rest.any() and len(np.unique(groups[rest])) < 2 * FEWEST_GROUPS:
            named[labels == label] = str(label)
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def _bundled(groups: IntArray, seed: int) -> IntArray:
    """Groups in at most a few thousand bundles of about one size, since the time of a hold-out grows with their number.

    A hold-out of a fifth of so many bundles is as close to a fifth of every stratum as anyone can tell.
    """
    numbered = _numbered(groups)
    sizes = np.bincount(numbered)
    if len(sizes) <= _BUNDLES:
        return numbered
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    largest_first = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    bundle = np.empty(len(sizes), dtype=np.int64)
    bundle[largest_first] = np.arange(len(sizes)) % _BUNDLES
    return bundle[numbered]


def _check_groups(labels: IntArray, groups: IntArray, *, whole: bool) -> None:
    for label, name in _LABELS:
        if label not in labels:
            continue
        count = len(np.unique(groups[labels == label]))
        if count < 2:
            what = "groups of pairs that share images or texts" if whole else "images"
            raise UserError(
                f"there are too few {name} to split: {count} {what} with label {label}, where each side needs one; "
                f"add pairs of other images and texts"
            )


def _check_left(labels: IntArray, sides: TextArray) -> None:
    for side in ("train", "val", "test"):
        for label, name in _LABELS:
            if label in labels and not ((sides == side) & (labels == label)).any():
                raise UserError(
                    f"the images and texts of these pairs are too entangled to be split: '{side}' keeps no {name} once "
                    "pairs that share a text with a side that is judged are dropped; add pairs of other texts"
                )
