import numpy as np
import pytest
from PIL import Image

from thawline.data.photos.copies import hashes
from thawline.data.photos.copies.hashes import NEAR, NEAR_TURNED, near_hashes
from thawline.data.photos.photo import read_photo

TURNS = {
    "mirrored": lambda bits: bits ^ ODD,
    "upside down": lambda bits: bits ^ ODD.T,
    "by 180 degrees": lambda bits: bits ^ ODD ^ ODD.T,
    "across the diagonal": lambda bits: bits.T,
    "by 90 degrees": lambda bits: bits.T ^ ODD,
    "by 270 degrees": lambda bits: bits.T ^ ODD.T,
    "across the other diagonal": lambda bits: bits.T ^ ODD ^ ODD.T,
}
ODD = np.broadcast_to(np.arange(16) % 2 == 1, (16, 16))  # of columns


def as_hex(bits) -> str:
    return np.packbits(bits).tobytes().hex()


def changed(bits, count: int, seed: int = 0):
    """`bits` with so many of them changed."""
    where = np.random.default_rng(seed).permutation(bits.size)[:count]
    other = bits.copy().ravel()
    other[where] ^= True
    return other.reshape(bits.shape)


@pytest.mark.parametrize("turn", TURNS)
def test_hashes_of_another_orientation_up_to_a_threshold_of_their_own(turn) -> None:
    first = np.random.default_rng(1).random((16, 16)) < 0.5
    turned = TURNS[turn](first)
    assert near_hashes([as_hex(first), as_hex(changed(turned, NEAR_TURNED))]) == [(0, 1)]
    assert near_hashes([as_hex(changed(turned, NEAR_TURNED)), as_hex(first)]) == [(0, 1)]
    assert near_hashes([as_hex(first), as_hex(changed(turned, NEAR_TURNED + 1))]) == []
    assert near_hashes([as_hex(first), as_hex(changed(first, NEAR))]) == [(0, 1)]


@pytest.mark.parametrize("block", [1, 40, 10**6])
def test_the_same_as_all_pairs_turned_one_by_one(monkeypatch, block) -> None:
    rng = np.random.default_rng(2)
    bits = [rng.random((16, 16)) < 0.5 for _ in range(6)]
    bits += [
        changed(turn(bits[k % 6]), int(count), k)
        for k, (turn, count) in enumerate(zip([*TURNS.values()] * 3, rng.integers(40, 75, 21), strict=True))
    ]
    expected = [
        (i, j)
        for j, other in enumerate(bits)
        for i, one in enumerate(bits[:j])
        if (one != other).sum() <= NEAR or min((turn(one) != other).sum() for turn in TURNS.values()) <= NEAR_TURNED
    ]
    monkeypatch.setattr(hashes, "_BLOCK", block)
    assert near_hashes([as_hex(one) for one in bits]) == sorted(expected)
    assert 5 < len(expected) < 30


def test_no_hashes() -> None:
    assert near_hashes([]) == []


def test_mirrored_and_turned_copies_of_photos(tmp_path, scene, encode) -> None:
    found = []
    pictures = [scene(seed, (800, 600)) for seed in range(4)]
    for picture in [*pictures, *(p.transpose(turn).reduce(2) for p in pictures for turn in Image.Transpose)]:
        (tmp_path / "photo.jpg").write_bytes(encode(picture, quality=60))
        found.append(read_photo(tmp_path / "photo.jpg", None)[0].phash)
    near = near_hashes(found)
    assert {(i, 4 + 7 * i + turn) for i in range(4) for turn in range(7)} <= set(near)
    origin = [0, 1, 2, 3, *(i for i in range(4) for _ in Image.Transpose)]
    assert all(origin[i] == origin[j] for i, j in near)
