"""Which photos are a part of others, or others in a frame, by what their sketches have in common.

An index of the keypoints' descriptions gives candidates, keypoints that lie alike in both where one lies in the other,
and then the pictures themselves decide: what alone makes two photos of one scene candidates is what they share, and
what tells them from copies is everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from thawline.data.groups import Pairs
from thawline.data.photos.copies.sketches import WORD_BITS, Grey, Sketch, read_sketch

# Candidates. Of the first bits of a description, all but every fourth are a key, in four ways.
_KEY_BITS, _TABLES = 24, 4
_CROWD = 64  # keypoints of one key; more say nothing
_CLOSE = 14  # bits of two descriptions in the index
_VOTES = 4  # keypoints that lie alike
_ALIKE = 14.0  # px that these may be apart by the sizes that they were found at
_AT_ONCE = 250  # photos whose pairs with later ones are in memory
_AT_HAND = 256  # sketches that are kept read

# Where one lies in the other.
_MATCH = 14  # bits of two descriptions that are each other's closest
_TURN = 0.15  # radians that a copy may be turned by
_SMALLEST = 0.3  # of the scale of one in the other
_APART = 12.0  # px that two keypoints must be apart to tell the scale
_NEAR = 2.5  # px that a keypoint may lie from where it should
_INLIERS = 6

# Whether it is the same picture.
_STEPS = 3  # of least squares towards the exact place
_INSIDE = 0.94  # share of the part that lies within the whole
_WHOLE = 0.88  # share of the larger that the smaller shows, from which on it shows all of it
_BLOCK = 4  # px of the whole at half the size
_TEXTURE = 8.0  # variance of the grey levels in a block that says something
_TEXTURED = 12  # blocks that say something, at least
_CORRELATED = 0.7
_SAME = 0.85  # share of these blocks that are correlated

_Ints = npt.NDArray[np.int64]


def find_parts(sketches: Sequence[str | None]) -> Pairs:
    """(i, j) with i < j, sorted, of photos one of which is a part of the other.

    Args:
        sketches: [N] as `draw_sketch` gives them; None: nothing is known of the photo's parts.
    """
    known = [i for i, sketch in enumerate(sketches) if sketch is not None]
    drawn = [sketch for sketch in sketches if sketch is not None]
    read = lru_cache(maxsize=_AT_HAND)(read_sketch)
    return [(known[a], known[b]) for a, b in _candidates(drawn) if is_part(read(drawn[a]), read(drawn[b]))]


def is_part(one: Sketch, other: Sketch) -> bool:
    """Whether one of two photos lies in the other, and looks the same there."""
    place = _place(one, other)
    return place is not None and _looks_same(one, other, place)


def how_part(one: Sketch, other: Sketch) -> str | None:
    """Which of two photos is a part of the other, or that one is framed; None: neither.

    What lies within a frame is sketched without it, so then the sketches show all of each other.
    """
    place = _place(one, other)
    if place is None or not _looks_same(one, other, place):
        return None
    share = abs(place.factor) ** 2 * other.grey.size / one.grey.size
    if min(share, 1 / share) >= _WHOLE:
        return "framed"
    return "the second is part of the first" if share < 1 else "the first is part of the second"


@dataclass(frozen=True)
class _Similarity:
    """Where the second of two pictures lies in the first: at factor * z + shift, z = x + iy in px of its sketch."""

    factor: complex
    shift: complex

    def of(self, points: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        return self.factor * points + self.shift

    def inverse(self) -> _Similarity:
        return _Similarity(1 / self.factor, -self.shift / self.factor)


def _candidates(sketches: Sequence[str]) -> Pairs:
    """Pairs with several keypoints of close descriptions that lie alike, sorted."""
    if len(sketches) < 2:
        return []
    read = [(sketch.words, sketch.sizes, sketch.points.astype(np.complex64)) for sketch in map(read_sketch, sketches)]
    ends = np.cumsum([len(words) for words, *_ in read])
    photo = np.repeat(np.arange(len(read)), np.diff(ends, prepend=0))
    words, size, point = (np.concatenate(parts) for parts in zip(*read, strict=True))
    tables = [_Table.of(words, table) for table in range(_TABLES)]
    del read, words
    found, begin = [np.empty(0, np.int64)], 0
    for end in [*ends[_AT_ONCE - 1 : -1 : _AT_ONCE].tolist(), int(ends[-1])]:
        a, b = _close(tables, begin, end)
        two = photo[a] != photo[b]
        found.append(_voted(a[two], b[two], photo, size, point))
        begin = end
    return list(zip(*(part.tolist() for part in np.divmod(np.concatenate(found), len(sketches))), strict=True))


@dataclass(frozen=True, eq=False)
class _Table:
    """One of the ways in which descriptions make keys: the K keypoints in the order of theirs.

    Attributes:
        order: int32 [K], keypoints sorted by key, those of one key by number.
        place: int32 [K], where in this order each keypoint is.
        words: uint64 [K], their descriptions in this order, so that those compared lie beside each other.
        left: uint8 [K], how many are of its key from each place on; 0 where they are too many.
    """

    order: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    words: npt.NDArray[np.uint64]
    left: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, words: npt.NDArray[np.uint64], table: int) -> _Table:
        """The table with this number."""
        kept = sum(1 << (_KEY_BITS - 1 - bit) for bit in range(_KEY_BITS) if bit % _TABLES != table)
        key = (words >> np.uint64(WORD_BITS + 1 - _KEY_BITS)) & np.uint64(kept)
        # Numbers that hold both are sorted in a fraction of the time that the order of the keys takes.
        both = np.sort(key << np.uint64(32) | np.arange(len(words), dtype=np.uint64))
        order = (both & np.uint64(2**32 - 1)).astype(np.int32)
        place = np.empty_like(order)
        place[order] = np.arange(len(order), dtype=np.int32)
        return cls(order, place, words[order], _left(both >> np.uint64(32), _CROWD).astype(np.uint8))


def _close(tables: Sequence[_Table], begin: int, end: int) -> tuple[_Ints, _Ints]:
    """Keypoints from `begin` to before `end`, each beside later ones with a close description; each two once."""
    found = [np.empty(0, np.int64)]
    for table in tables:
        places = np.sort(table.place[begin:end])  # what lies close to each other in the table is read together
        for first, second in _following(places.astype(np.int64), table.left[places]):
            # All places are in the table; taken without looking for that it is half of the time.
            words, others = (table.words.take(places, mode="clip") for places in (first, second))
            close = np.bitwise_count(words ^ others) <= _CLOSE
            a, b = table.order[first[close]].astype(np.int64), table.order[second[close]]
            found.append(a * len(table.order) + b)
    one, other = np.divmod(_distinct(np.concatenate(found)), max(1, len(tables[0].order)))
    return one, other


def _voted(a: _Ints, b: _Ints, photo: _Ints, size: npt.NDArray[np.uint8], point: npt.NDArray[np.complex64]) -> _Ints:
    """Numbers first * photos + second, sorted, of photos of which several keypoints `a` and `b` lie alike."""
    # One group for each pair of photos and each proportion of their sizes.
    steps = size[a].astype(np.int64) - size[b]
    group = (photo[a] * (photo[-1] + 1) + photo[b]) * 8 + steps + 4
    order = np.argsort(group, kind="stable")
    group = group[order]
    shift = (point[a] - point[b] * np.sqrt(2.0) ** steps)[order]
    votes = np.ones(len(group), np.int64)
    for first, second in _following(np.arange(len(group)), _left(group)):
        alike = np.abs(shift[first] - shift[second]) < _ALIKE
        np.add.at(votes, first[alike], 1)
        np.add.at(votes, second[alike], 1)
    return np.unique(group[votes >= _VOTES] // 8)


def _distinct(numbers: _Ints) -> _Ints:
    """Each number once, sorted: a fortieth of the time that `np.unique` takes for half a million of them."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    distinct: _Ints = ordered[first]
    return distinct


def _left(ordered: npt.NDArray[np.generic], crowd: int | None = None) -> _Ints:
    """How many entries of a sorted array are of its value from each one on; 0 of values that more than `crowd` have."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else np.empty(0, int)
    sizes = np.diff(np.append(starts, len(ordered)))
    left = np.repeat(starts + sizes, sizes) - np.arange(len(ordered))
    return left if crowd is None else np.where(np.repeat(sizes <= crowd, sizes), left, 0)


def _following(places: _Ints, left: npt.NDArray[np.integer]) -> Iterator[tuple[_Ints, _Ints]]:
    """Each of some places with each that follows it among those of its value; `left` as `_left` has it."""
    step = 1
    while len(places := places[left > step]):
        left = left[left > step]
        yield places, places + step
        step += 1


def _place(one: Sketch, other: Sketch) -> _Similarity | None:
    """Where `other` lies in `one` by most keypoints: the best of all that two of them tell (Fischler, Bolles 1981)."""
    bits = np.bitwise_count(one.words[:, None] ^ other.words)
    nearest, back = bits.argmin(axis=1), bits.argmin(axis=0)
    first = np.flatnonzero((back[nearest] == np.arange(len(nearest))) & (bits.min(axis=1) <= _MATCH))
    if len(first) < _INLIERS:
        return None
    here, there = one.points[first], other.points[nearest[first]]
    a, b = np.triu_indices(len(first), 1)
    apart = there[a] - there[b]
    far = np.abs(apart) > _APART
    a, b = a[far], b[far]
    factor = (here[a] - here[b]) / apart[far]
    likely = (np.abs(np.angle(factor)) < _TURN) & (np.abs(factor) > _SMALLEST) & (np.abs(factor) < 1 / _SMALLEST)
    a, factor = a[likely], factor[likely]
    if not len(a):
        return None
    shift = here[a] - factor * there[a]
    off = np.abs(factor[:, None] * there + shift[:, None] - here)
    inliers = off < (_NEAR * np.maximum(1, np.abs(factor)))[:, None]
    best = int(inliers.sum(axis=1).argmax())
    return _fitted(here[inliers[best]], there[inliers[best]]) if inliers[best].sum() >= _INLIERS else None


def _fitted(here: npt.NDArray[np.complex128], there: npt.NDArray[np.complex128]) -> _Similarity:
    """The least squares of all that agree."""
    centred = there - there.mean()
    factor = complex(np.vdot(centred, here - here.mean()) / np.vdot(centred, centred))
    return _Similarity(factor, complex(here.mean() - factor * there.mean()))


def _looks_same(one: Sketch, other: Sketch, place: _Similarity) -> bool:
    """Whether the smaller of the two lies within the larger, and most of its blocks look the same there."""
    whole, part = one, other
    if abs(place.factor) ** 2 * part.grey.size > whole.grey.size:
        whole, part, place = part, whole, place.inverse()
    if _inside(whole, place.of(_corners(part))) < _INSIDE - 0.1:
        return False
    seen, points = _reduced(part, abs(place.factor))
    seen = _soft(seen)
    for _ in range(_STEPS):
        place = _closer(whole, seen, points, place)
    at = place.of(points)
    if _inside(whole, at) < _INSIDE:
        return False
    textured, correlated = _blocks(seen[1:-1, 1:-1], _soft(_sampled(whole.grey, at))[1:-1, 1:-1])
    return textured >= _TEXTURED and correlated >= _SAME * textured


def _corners(part: Sketch) -> npt.NDArray[np.complex128]:
    """A grid of points over a picture, [9, 9]."""
    share = np.linspace(0.05, 0.95, 9)
    return share * part.width + 1j * share[:, None] * part.height


def _inside(whole: Sketch, at: npt.NDArray[np.complex128]) -> float:
    """The share of points that lie in a picture, or within its outermost pixels."""
    within = (at.real >= -2) & (at.real <= whole.width + 2) & (at.imag >= -2) & (at.imag <= whole.height + 2)
    return float(within.mean())


def _closer(
    whole: Sketch, seen: npt.NDArray[np.float32], points: npt.NDArray[np.complex128], place: _Similarity
) -> _Similarity:
    """A step of least squares over all pixels (Lucas, Kanade 1981), the light's level and contrast left free."""
    there = _soft(_sampled(whole.grey, place.of(points)))
    spacing = points[0, 1].real - points[0, 0].real, points[1, 0].imag - points[0, 0].imag
    down, across = np.gradient(there, spacing[1], spacing[0])
    x, y = points.real, points.imag
    columns = (across * x + down * y, down * x - across * y, across, down, there, np.ones_like(there))
    table = np.stack([column.ravel() for column in columns], axis=1)
    squares = table.T @ table
    grow, turn, right, below, contrast, _ = np.linalg.lstsq(squares, table.T @ seen.ravel(), rcond=1e-9)[0]
    if contrast <= 0:
        return place
    change = complex(grow, turn) / contrast
    return _Similarity(place.factor * (1 + change), place.factor * complex(right, below) / contrast + place.shift)


def _reduced(part: Sketch, scale: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.complex128]]:
    """The picture at this share of its half size, and where its pixels are, in px of the largest size."""
    height, width = part.grey.shape
    across, down = max(2 * _BLOCK, round(width * scale)), max(2 * _BLOCK, round(height * scale))
    picture = Image.fromarray(part.grey).resize((across, down), Image.Resampling.BILINEAR)
    x, y = np.arange(across) + 0.5, np.arange(down) + 0.5
    points = x * (2 * width / across) + 1j * (y * (2 * height / down))[:, None]
    return np.asarray(picture).astype(np.float32), points


def _sampled(grey: Grey, at: npt.NDArray[np.complex128]) -> npt.NDArray[np.float32]:
    """Grey levels at x + iy in px of the largest size, between the pixels by their neighbours, beyond all the last."""
    height, width = grey.shape
    at = at / 2 - (0.5 + 0.5j)
    x, y = np.clip(at.real, 0, width - 1), np.clip(at.imag, 0, height - 1)
    left, top = np.minimum(x.astype(np.int64), width - 2), np.minimum(y.astype(np.int64), height - 2)
    right, below = x - left, y - top
    upper = grey[top, left] * (1 - right) + grey[top, left + 1] * right
    lower = grey[top + 1, left] * (1 - right) + grey[top + 1, left + 1] * right
    level: npt.NDArray[np.float32] = (upper * (1 - below) + lower * below).astype(np.float32)
    return level


def _soft(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Blurred by a pixel, so that half a pixel's shift does not matter."""
    padded = np.pad(grey, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    blurred: npt.NDArray[np.float32] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return blurred


def _blocks(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> tuple[int, int]:
    """How many blocks have texture in either picture, and how many of these are correlated."""
    rows, columns = (side // _BLOCK for side in one.shape)
    cut = [
        grey[: rows * _BLOCK, : columns * _BLOCK]
        .reshape(rows, _BLOCK, columns, _BLOCK)
        .swapaxes(1, 2)
        .reshape(rows * columns, _BLOCK**2)
        for grey in (one, other)
    ]
    first, second = (blocks - blocks.mean(axis=1, keepdims=True) for blocks in cut)
    power, others = (first**2).mean(axis=1), (second**2).mean(axis=1)
    textured = np.maximum(power, others) > _TEXTURE
    correlation = (first * second).mean(axis=1)[textured] / np.sqrt(power * others + 1e-6)[textured]
    return int(textured.sum()), int((correlation > _CORRELATED).sum())
