import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.listing import Listed
from thawline.data.photos.copies.hashes import NEAR
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts

START = datetime(2024, 5, 3, 18)


def photo(name: str, digest: str | None = None, phash: int | None = None, minute: float | None = None, camera="X"):
    """A listed photo and its facts; the label and folder are in the name."""
    label, *folder, _ = name.split("/")
    listed = Listed(Path("/photos") / name, name, label, "/".join(folder), None)
    taken = None if minute is None else (START + timedelta(minutes=minute)).isoformat()
    facts = PhotoFacts(
        digest=digest or hashlib.sha256(name.encode()).hexdigest(),
        format="JPEG",
        width=10,
        height=10,
        phash=None if phash is None else f"{phash:064x}",
        taken=taken,
        camera=camera if taken else None,
    )
    return listed, facts


def group(*photos):
    return find_groups([listed for listed, _ in photos], [facts for _, facts in photos])


def bits(count: int) -> int:
    """A hash this many bits away from 0, spread over its 256 bits."""
    return sum(1 << (i * 3) for i in range(count))


def test_photos_alone() -> None:
    found = group(photo("a/1.jpg", phash=0), photo("a/2.jpg", phash=(1 << 256) - 1), photo("b/1.jpg"))
    assert found.ids.tolist() == [0, 1, 2]
    assert found.ids.dtype == np.int64
    assert (found.exact_duplicates, found.near_duplicates, found.two_labels) == ([], [], [])
    assert found.reasons == {"folder": 0, "exact duplicate": 0, "near-duplicate": 0, "burst": 0}


def test_no_photos() -> None:
    assert group().ids.tolist() == []


def test_exact_duplicates_and_two_labels() -> None:
    found = group(photo("a/1.jpg", "d"), photo("a/2.jpg"), photo("a/3.jpg", "d"), photo("b/1.jpg", "d"))
    assert found.ids.tolist() == [0, 1, 0, 0]
    assert found.exact_duplicates == [(0, 2), (0, 3)]
    assert found.two_labels == [(0, 3)]
    assert found.reasons["exact duplicate"] == 1


def test_exact_duplicates_are_not_near_duplicates_too() -> None:
    found = group(photo("a/1.jpg", "d", 5), photo("b/2.jpg", "d", 5), photo("b/3.jpg", phash=5))
    assert found.exact_duplicates == [(0, 1)]
    assert found.near_duplicates == [(0, 2)]
    assert found.two_labels == [(0, 1), (0, 2)]


def test_near_duplicates_up_to_the_threshold() -> None:
    found = group(photo("a/1.jpg", phash=0), photo("a/2.jpg", phash=bits(NEAR)), photo("b/1.jpg", phash=bits(NEAR + 1)))
    assert found.near_duplicates == [(0, 1), (1, 2)]
    assert found.two_labels == [(1, 2)]
    found = group(photo("a/1.jpg", phash=0), photo("b/1.jpg", phash=bits(NEAR + 1)))
    assert found.near_duplicates == []


def test_equal_hashes_link_to_the_first() -> None:
    found = group(*(photo(f"a/{i}.jpg", phash=7) for i in range(4)), photo("b/1.jpg", phash=6))
    assert found.near_duplicates == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert found.ids.tolist() == [0] * 5


def test_photos_without_a_hash_are_not_near() -> None:
    assert group(photo("a/1.jpg"), photo("b/1.jpg")).ids.tolist() == [0, 1]


def test_a_folder_below_the_class() -> None:
    found = group(photo("a/1.jpg"), photo("a/s/1.jpg"), photo("a/s/2.jpg"), photo("a/s/deep/1.jpg"), photo("b/s/1.jpg"))
    assert found.ids.tolist() == [0, 1, 1, 2, 3]
    assert found.reasons["folder"] == 1


def test_folders_of_two_sides_are_two() -> None:
    listed = [
        Listed(Path(f"/photos/{side}/a/s/1.jpg"), f"{side}/a/s/1.jpg", "a", "s", side) for side in ("test", "train")
    ]
    assert find_groups(listed, [PhotoFacts("1"), PhotoFacts("2")]).ids.tolist() == [0, 1]


def test_bursts() -> None:
    found = group(
        photo("a/1.jpg", minute=0),
        photo("a/2.jpg", minute=5),
        photo("a/3.jpg", minute=10.02),
        photo("b/1.jpg", minute=4, camera="Y"),
        photo("b/2.jpg", minute=-5),
        photo("b/3.jpg"),
    )
    assert found.ids.tolist() == [0, 0, 1, 2, 0, 3]
    assert found.reasons["burst"] == 1


def test_a_chain_of_shots_ends_after_an_hour() -> None:
    found = group(*(photo(f"a/{i:03}.jpg", minute=4 * i) for i in range(40)))
    sizes = np.bincount(found.ids).tolist()
    assert sizes == [16, 16, 8]  # 0 to 60 minutes, 64 to 124, 128 to 156


def test_the_time_without_a_camera_is_no_burst() -> None:
    assert group(photo("a/1.jpg", minute=0, camera=None), photo("a/2.jpg", minute=1, camera=None)).ids.tolist() == [
        0,
        1,
    ]


def test_reasons_unite() -> None:
    found = group(
        photo("a/1.jpg", "d"), photo("a/s/2.jpg", "d"), photo("a/s/3.jpg", phash=0),
        photo("b/4.jpg", phash=1, minute=0), photo("b/5.jpg", minute=1),
    )  # fmt: skip
    assert found.ids.tolist() == [0] * 5
    assert found.reasons == {"folder": 1, "exact duplicate": 1, "near-duplicate": 1, "burst": 1}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 90)), max_size=25))
def test_groups_are_the_connected_components(rows) -> None:
    """Against a slow reading of the definition, over all pairs."""
    photos = [photo(f"a/{i}.jpg", str(key), minute=minute) for i, (key, _, minute) in enumerate(rows)]
    found = group(*photos)
    reference = list(range(len(rows)))
    for i in range(len(rows)):
        for j in range(i):
            if rows[i][0] == rows[j][0]:
                reference = [reference[j] if r == reference[i] else r for r in reference]
    for i in range(len(rows)):
        for j in range(i):
            if reference[i] == reference[j]:
                assert found.ids[i] == found.ids[j]
    ids = found.ids.tolist()
    assert [ids.index(k) for k in range(len(set(ids)))] == sorted(ids.index(k) for k in set(ids))


@pytest.mark.parametrize("block", [1, 7, 10**6])
def test_blocks_do_not_matter(monkeypatch, block) -> None:
    rng = np.random.default_rng(0)
    base = [int.from_bytes(rng.bytes(32), "big") for _ in range(20)]
    hashes = [base[i % 20] ^ bits(int(rng.integers(0, 80))) for i in range(60)]
    monkeypatch.setattr("thawline.data.photos.copies.hashes._BLOCK", block * 60)
    found = group(*(photo(f"a/{i:02}.jpg", phash=phash) for i, phash in enumerate(hashes)))
    distinct = {phash: i for i, phash in reversed(list(enumerate(hashes)))}
    expected = {(distinct[p], i) for i, p in enumerate(hashes) if distinct[p] != i}
    expected |= {
        (i, j) for p, i in distinct.items() for q, j in distinct.items() if i < j and (p ^ q).bit_count() <= NEAR
    }
    assert found.near_duplicates == sorted(expected)
    assert len(expected) > 20
