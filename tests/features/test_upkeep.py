"""Listing, checking and pruning."""

import os
import threading
import time
from collections.abc import Callable

import pytest
import torch

from thawline.errors import UserError
from thawline.features.files import FileIndex
from thawline.features.kinds import PHOTOS
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.upkeep import list_shelves, prune, verify

DIGESTS = [f"{number:064x}" for number in range(40)]
DAY = 24 * 3600


def put(shelf: Shelf, count: int) -> Shelf:
    with shelf.filling():
        shelf.append(DIGESTS[:count], {"features": torch.arange(4.0 * count).reshape(count, 4)})
    return shelf


def used(shelf: Shelf, days_ago: float) -> None:
    then = time.time() - days_ago * DAY
    os.utime(shelf.folder / "key.json", (then, then))


def test_shelves_are_listed_the_last_used_first(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    assert list_shelves(store) == []
    old, new = put(make_shelf(name="old", cut=2), 3), put(make_shelf(name="new", dtype="bfloat16"), 40)
    used(old, 3)
    first, second = list_shelves(store)
    assert (first.label, first.cut, first.view, first.dtype, first.device, first.samples) == (
        "new",
        3,
        0,
        "bfloat16",
        "cpu",
        40,
    )
    assert (second.id, second.label, second.cut, second.samples) == (old.id, "old", 2, 3)
    assert first.bytes == sum(path.stat().st_size for path in new.folder.iterdir())
    assert second.used == pytest.approx(time.time() - 3 * DAY, abs=100)
    old.rows(DIGESTS[:1])
    assert [shelf.label for shelf in list_shelves(store)] == ["old", "new"]


@pytest.mark.parametrize("byte", [0, 7 * 16 + 3, 40 * 16 - 1])
def test_a_changed_byte_is_named(store: FeatureStore, make_shelf: Callable[..., Shelf], byte: int) -> None:
    shelf = put(make_shelf(), 40)
    path = next(shelf.folder.glob("features.*.rows"))
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)
    found = verify(store)
    row = byte // 16
    assert [(problem.shelf, problem.what) for problem in found.problems] == [
        (shelf.id, f"row {row}, sample {DIGESTS[row]}: its bytes have changed")
    ]
    assert (found.shelves, found.samples) == (1, 40)


def test_a_missing_file_a_wrong_key_and_broken_indexes_are_named(
    store: FeatureStore, make_shelf: Callable[..., Shelf]
) -> None:
    shelves = [put(make_shelf(name=str(i)), 2) for i in range(4)]
    FileIndex(store.root, PHOTOS)
    path = next(shelves[0].folder.glob("features.*.rows"))
    path.unlink()
    (shelves[1].folder / "key.json").write_text('{"key": {"cut": 4}}')
    (shelves[2].folder / "key.json").write_text("torn")
    shelves[3].index.write_bytes(b"x" * 5000)
    (store.root / "files.sqlite").write_bytes(b"x" * 5000)
    found = {problem.shelf: problem.what for problem in verify(store).problems}
    assert found == {
        shelves[0].id: f"{path.name} holds 0 of 2 rows",
        shelves[1].id: "key.json is broken or another shelf's",
        shelves[2].id: "key.json is broken or another shelf's",
        shelves[3].id: "index.sqlite: file is not a database",
        "": "files.sqlite: file is not a database",
    }
    assert len(list_shelves(store)) == 4
    assert len(prune(store, everything=True).removed) == 4
    assert verify(store).problems == []


def test_a_shelf_that_was_just_begun_is_no_problem(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    (store.shelves / ("0" * 64)).mkdir()
    (store.shelves / ("1" * 64)).mkdir()
    (store.shelves / ("1" * 64) / "index.sqlite").touch()
    with make_shelf().filling():
        pass
    assert verify(store).problems == []
    assert [shelf.samples for shelf in list_shelves(store)] == [0, 0, 0]


def test_pruning_by_age_by_id_and_altogether(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    a, b, c = (put(make_shelf(name=name), 2) for name in "abc")
    used(a, 31)
    used(b, 29)
    assert [shelf.id for shelf in prune(store, older_than_days=30).removed] == [a.id]
    assert prune(store).removed == []
    assert [shelf.label for shelf in prune(store, ids=[b.id]).removed] == ["b"]
    with pytest.raises(UserError, match=f"has no shelf {b.id}"):
        prune(store, ids=[b.id])
    assert [shelf.id for shelf in prune(store, everything=True).removed] == [c.id]
    assert list(store.shelves.iterdir()) == []
    assert verify(store).problems == []
    assert put(a, 2).digests() == set(DIGESTS[:2])


def test_a_shelf_that_is_being_filled_stays(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    with shelf.filling():
        shelf.append(DIGESTS[:1], {"features": torch.zeros(1, 4)})
        pruned = prune(store, everything=True)
        assert (pruned.removed, pruned.busy) == ([], [shelf.id])
        shelf.append(DIGESTS[1:2], {"features": torch.zeros(1, 4)})
    assert shelf.digests() == set(DIGESTS[:2])


def test_listing_and_checking_go_on_while_a_shelf_is_filled(
    store: FeatureStore, make_shelf: Callable[..., Shelf]
) -> None:
    shelf = make_shelf()

    def work() -> None:
        with shelf.filling():
            for digest in DIGESTS:
                shelf.append([digest], {"features": torch.zeros(1, 4)})

    thread = threading.Thread(target=work)
    thread.start()
    seen = []
    while thread.is_alive():
        assert verify(store).problems == []
        seen += [found.samples for found in list_shelves(store)]
    thread.join()
    assert seen == sorted(seen)
    assert verify(store).samples == len(DIGESTS)


def test_what_a_killed_prune_left_is_removed(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    shelf = put(make_shelf(), 2)
    trash = shelf.folder.rename(store.shelves / f"removed-{shelf.id}")
    assert list_shelves(store) == []
    assert verify(store).reclaimable == sum(path.stat().st_size for path in trash.iterdir())
    prune(store)
    assert list(store.shelves.iterdir()) == []


def test_a_damaged_shelf_can_be_pruned(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    shelf = put(make_shelf(), 2)
    shelf.index.write_bytes(b"x" * 5000)
    assert [found.id for found in prune(store, ids=[shelf.id]).removed] == [shelf.id]
    assert put(shelf, 2).digests() == set(DIGESTS[:2])


def test_files_beside_the_shelves_are_left_alone(store: FeatureStore) -> None:
    note = store.shelves / "note.txt"
    note.write_text("mine")
    prune(store, everything=True)
    assert note.read_text() == "mine"
