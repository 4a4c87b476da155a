"""Which perceptual hashes are near each other, also where one picture is the other mirrored or turned."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from thawline.data.groups import Pairs

# Of the 256 bits of two perceptual hashes; see `photo.HASH_BITS` for how far apart copies and strangers are.
NEAR = 72
# The same where one is mirrored or turned: seven more comparisons of each pair find more by chance. The closest
# strangers of 1,400 photos were 80 apart, and copies turned, halved and recompressed at most 24.
NEAR_TURNED = 56

_SIDE = 16  # coefficients in a row of the hash
_CLASS = _SIDE**2 // 4  # bits of a class of coefficients, see `_words`
# Which classes of coefficients change their signs, of a picture and of one whose axes were swapped before.
_UPRIGHT = (("", ()), ("mirrored", (1, 3)), ("mirrored and turned by 180°", (2, 3)), ("turned by 180°", (1, 2)))
_ON_ITS_SIDE = (
    ("mirrored and turned by 90°", ()),
    ("turned by 90°", (1, 3)),
    ("turned by 90°", (2, 3)),
    ("mirrored and turned by 90°", (1, 2)),
)
_BLOCK = 2**17  # pairs of hashes compared at a time

_Words = npt.NDArray[np.uint64]
_Counts = npt.NDArray[np.int16]


def near_hashes(hashes: Sequence[str]) -> Pairs:
    """(i, j) with i < j, sorted, of those that are near each other in any of the eight orientations.

    Mirroring a picture changes the sign of every other column of its cosine transform (or row, upside down), and
    swapping its axes swaps those of the transform. So the hash of the picture in another orientation follows from its
    own, up to the few coefficients that lie between the median and 0.

    Args:
        hashes: [N] hex, all different.
    """
    if not hashes:
        return []
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(hashes), -1)
    bits = np.unpackbits(packed, axis=1).reshape(len(hashes), _SIDE, _SIDE)
    words, swapped = _words(bits), _words(bits.transpose(0, 2, 1))
    found: Pairs = []
    step = max(1, _BLOCK // len(words))
    for start in range(0, len(words), step):
        block = words[start : start + step]
        plain, *turned = _distances(block, words[start:])
        turned += _distances(block, swapped[start:])
        near = plain <= NEAR
        for distance in turned:
            near |= distance <= NEAR_TURNED
        rows, columns = np.nonzero(np.triu(near, k=1))
        found += zip((start + rows).tolist(), (start + columns).tolist(), strict=True)
    return found


def orientation(one: str, other: str) -> str | None:
    """How either of two pictures is to be turned to look like the other, by their hashes; "" not at all.

    None where they are not near each other.
    """
    packed = np.frombuffer(bytes.fromhex(one + other), np.uint8).reshape(2, -1)
    bits = np.unpackbits(packed, axis=1).reshape(2, _SIDE, _SIDE)
    words, swapped = _words(bits), _words(bits.transpose(0, 2, 1))
    distances: dict[str, int] = {}
    for second, names in ((words[1], _UPRIGHT), (swapped[1], _ON_ITS_SIDE)):
        differ = np.bitwise_count(words[0] ^ second).astype(int)
        for name, flipped in names:
            of_class = [_CLASS - count if place in flipped else count for place, count in enumerate(differ.tolist())]
            distances[name] = min(sum(of_class), distances.get(name, _SIDE**2))
    if distances[""] <= NEAR:
        return ""
    best = min(distances, key=distances.__getitem__)
    return best if distances[best] <= NEAR_TURNED else None


def _words(bits: npt.NDArray[np.uint8]) -> _Words:
    """uint64 [N, 4]: the coefficients in even rows and even columns, even and odd, odd and even, odd and odd."""
    classes = [bits[:, row::2, column::2].reshape(len(bits), _CLASS) for row in (0, 1) for column in (0, 1)]
    return np.packbits(np.stack(classes, axis=1), axis=2).view(np.uint64)[..., 0]


def _distances(some: _Words, others: _Words) -> list[_Counts]:
    """Bits that differ: as they are; mirrored; and the less of upside down and turned by 180 degrees. Each [n, m]."""
    classes = [
        np.bitwise_count(some[:, None, word] ^ others[None, :, word]).astype(np.int16) for word in range(some.shape[1])
    ]
    even, odd = classes[0] + classes[2], classes[1] + classes[3]
    upper, lower = classes[0] - classes[2], classes[1] - classes[3]
    return [even + odd, 2 * _CLASS + even - odd, 2 * _CLASS + upper - abs(lower)]
