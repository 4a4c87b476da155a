"""Shelves as mappings from digests to named tensors."""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.errors import UserError
from thawline.features.store.disk import database
from thawline.features.store.store import DamagedShelfError, FeatureStore, Shelf
from thawline.features.upkeep import prune, verify

DIGESTS = [f"{number:064x}" for number in range(12)]


def numbered(numbers: list[int]) -> dict[str, torch.Tensor]:
    """Features that tell which sample they belong to."""
    base = torch.tensor(numbers, dtype=torch.int64)
    return {
        "hidden": base.float()[:, None, None] + torch.arange(6).reshape(2, 3) / 8,
        "mask": base[:, None] % torch.tensor([2, 3]) == 0,
        "end": base * 10**12,
        "pixels": base.to(torch.uint8)[:, None].expand(-1, 4),
    }


def append(shelf: Shelf, numbers: list[int]) -> int:
    with shelf.filling():
        return shelf.append([DIGESTS[number] for number in numbers], numbered(numbers))


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    batches=st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=8), max_size=5),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
    data=st.data(),
)
def test_a_shelf_is_a_mapping(tmp_path_factory, batches: list[list[int]], dtype: str, data: st.DataObject) -> None:
    store = FeatureStore(tmp_path_factory.mktemp("store"))
    key = {"dtype": dtype}
    held: list[int] = []
    for batch in batches:
        new = [number for number in dict.fromkeys(batch) if number not in held]
        assert append(store.shelf(key), batch) == len(new)
        held += new
    shelf = FeatureStore(store.root).shelf(key)
    asked = data.draw(st.lists(st.integers(0, 11), max_size=20))
    absent = [DIGESTS[number] for number in dict.fromkeys(asked) if number not in held]
    assert shelf.missing([DIGESTS[number] for number in asked]) == absent
    assert shelf.digests() == {DIGESTS[number] for number in held}
    there = [number for number in asked if number in held]
    rows = shelf.rows([DIGESTS[number] for number in there])
    assert len(rows) == len(there)
    if held and there:
        order = np.array(data.draw(st.lists(st.integers(0, len(there) - 1), max_size=9)), dtype=np.int64)
        found, expected = rows[order], numbered([there[i] for i in order])
        for name, tensor in expected.items():
            kept = tensor.to(getattr(torch, dtype)) if tensor.is_floating_point() else tensor
            assert found[name].dtype == kept.dtype
            assert torch.equal(found[name], kept)
    assert verify(store).problems == []
    assert verify(store).samples == len(held)


def test_special_values_of_bfloat16_keep_their_bits(make_shelf: Callable[..., Shelf]) -> None:
    values = torch.tensor([[0.0, -0.0, float("inf"), 1e-40, 3.4e38, -1.0078125]], dtype=torch.bfloat16)
    shelf = make_shelf(dtype="bfloat16")
    with shelf.filling():
        shelf.append(DIGESTS[:1], {"features": values})
    found = shelf.rows(DIGESTS[:1])[:]["features"]
    assert torch.equal(found.view(torch.int16), values.view(torch.int16))


def test_rows_are_copies_that_can_be_changed_and_outlive_the_shelf(
    store: FeatureStore, make_shelf: Callable[..., Shelf]
) -> None:
    shelf = make_shelf()
    append(shelf, [0, 1, 2])
    rows = shelf.rows([DIGESTS[2], DIGESTS[0]])
    rows[:]["hidden"].zero_()
    assert rows.shapes == {"end": (), "hidden": (2, 3), "mask": (2,), "pixels": (4,)}
    assert rows.nbytes == 2 * (8 + 24 + 2 + 4)
    assert [shelf.id for shelf in prune(store, everything=True).removed] == [shelf.id]
    append(shelf, [5])
    assert torch.equal(rows[np.array([1, 0])]["hidden"], numbered([0, 2])["hidden"])
    assert torch.equal(shelf.rows([DIGESTS[5]])[:]["hidden"], numbered([5])["hidden"])


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux says what of a mapped file is in memory")
def test_what_was_read_of_a_shelf_is_given_back(make_shelf: Callable[..., Shelf], monkeypatch) -> None:
    monkeypatch.setattr("thawline.features.store.rows._AT_ONCE", 2**16)
    values, shelf = torch.arange(2**20).reshape(1024, 1024), make_shelf()
    digests = [f"{number:064x}" for number in range(len(values))]
    with shelf.filling():
        shelf.append(digests, {"features": values})
    order = np.random.default_rng(0).permutation(len(values))
    rows = shelf.rows([digests[i] for i in order])
    assert mapped_in_memory(shelf.folder) == 0
    assert torch.equal(rows[:]["features"], values[torch.from_numpy(order)])
    assert mapped_in_memory(shelf.folder) == 0
    assert torch.equal(rows[order[:3]]["features"], values[torch.from_numpy(order[order[:3]])])
    assert mapped_in_memory(shelf.folder) > 0  # of few rows nothing is given back: they are read again


def mapped_in_memory(folder: Path) -> int:
    """Bytes of the files in `folder` that are mapped and lie in this process's memory."""
    total, of_folder = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            of_folder = str(folder) in line
        elif of_folder and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def test_an_empty_shelf_has_nothing_and_gives_nothing(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    assert shelf.missing(DIGESTS) == DIGESTS
    assert (len(shelf.rows([])), shelf.rows([])[:]) == (0, {})
    with shelf.filling():
        assert shelf.missing([]) == []
    append(shelf, [1])
    assert shelf.rows([])[:]["hidden"].shape == (0, 2, 3)


def test_rows_of_a_sample_without_features_are_refused(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    append(shelf, [1])
    with pytest.raises(UserError, match="1 of 2 samples have no features of net"):
        shelf.rows([DIGESTS[1], DIGESTS[2]])


def test_rows_of_all_or_none(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    assert shelf.rows_if_all(DIGESTS[:1]) is None
    append(shelf, [0, 1])
    held = shelf.rows_if_all([DIGESTS[1], DIGESTS[0]])
    assert held is not None
    assert torch.equal(held[:]["end"], shelf.rows([DIGESTS[1], DIGESTS[0]])[:]["end"])
    assert shelf.rows_if_all(DIGESTS[:3]) is None
    column = next(shelf.folder.glob("end.*.rows"))
    column.write_bytes(b"!" + column.read_bytes()[1:])
    with pytest.raises(DamagedShelfError):
        shelf.rows_if_all(DIGESTS[:2])


def test_another_shape_than_stored_is_refused(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    with shelf.filling():
        shelf.append(DIGESTS[:1], {"features": torch.zeros(1, 4)})
        with pytest.raises(
            UserError, match=r"holds features float32 \[4\], but now the network gives features float32 \[5\]"
        ):
            shelf.append(DIGESTS[1:2], {"features": torch.zeros(1, 5)})
        with pytest.raises(UserError, match=r"now the network gives features float32 \[4\], mask bool \[\]"):
            shelf.append(DIGESTS[1:2], {"features": torch.zeros(1, 4), "mask": torch.ones(1, dtype=torch.bool)})
    assert shelf.digests() == set(DIGESTS[:1])


def test_wrong_use_by_a_caller_raises(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    with pytest.raises(RuntimeError, match="outside of filling"):
        shelf.append(DIGESTS[:1], {"features": torch.zeros(1, 4)})
    for features in ({}, {"features": torch.zeros(2, 4)}, {"features": torch.zeros(1, 0)}):
        with shelf.filling(), pytest.raises(ValueError, match="1 digests need as many rows"):
            shelf.append(DIGESTS[:1], features)


def test_values_that_cannot_be_stored_are_refused(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf(dtype="float16")
    with shelf.filling():
        with pytest.raises(UserError, match=r"too large for float16; set store.dtype=float32"):
            shelf.append(DIGESTS[:1], {"features": torch.tensor([[1e6]])})
        with pytest.raises(UserError, match="not a number"):
            shelf.append(DIGESTS[:1], {"features": torch.tensor([[float("nan")]])})
        shelf.append(DIGESTS[:1], {"mask": torch.tensor([[float("-inf")]])})
    assert shelf.digests() == set(DIGESTS[:1])


@pytest.mark.parametrize("name", ["Photos (2024), été #1", "50% ?a=b&c", "日本", "a'b\"c"])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    store = FeatureStore(tmp_path / name)
    append(store.shelf({"dtype": None}), [1, 2])
    assert torch.equal(store.shelf({"dtype": None}).rows(DIGESTS[2:3])[:]["end"], torch.tensor([2 * 10**12]))
    assert list(tmp_path.iterdir()) == [tmp_path / name]
    assert verify(store).problems == []


def test_what_a_killed_process_left_over_is_cut_off(store: FeatureStore, make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    append(shelf, [0, 1])
    files = sorted(shelf.folder.glob("*.rows"))
    sizes = [path.stat().st_size for path in files]
    for path in files:
        path.write_bytes(path.read_bytes() + b"torn")
    (shelf.folder / "hidden.00000000.rows").write_bytes(b"of a first batch that was never finished")
    assert verify(store).reclaimable == 4 * len(files) + 40
    assert verify(store).problems == []
    append(shelf, [1])
    assert [path.stat().st_size for path in sorted(shelf.folder.glob("*.rows"))] == sizes
    assert verify(store).reclaimable == 0


def test_samples_whose_rows_were_cut_off_are_missing_again(
    store: FeatureStore, make_shelf: Callable[..., Shelf]
) -> None:
    shelf = make_shelf()
    append(shelf, [0, 1, 2])
    path = next(shelf.folder.glob("hidden.*.rows"))
    path.write_bytes(path.read_bytes()[: 2 * 24 + 5])
    assert [problem.what for problem in verify(store).problems] == [f"{path.name} holds 2 of 3 rows"]
    assert shelf.missing(DIGESTS[:3]) == [DIGESTS[2]]
    with pytest.raises(UserError, match="1 of 1 samples"):
        shelf.rows(DIGESTS[2:3])
    assert append(shelf, [2]) == 1
    assert torch.equal(shelf.rows(DIGESTS[2:3])[:]["hidden"], numbered([2])["hidden"])
    assert verify(store).problems == []


def test_an_index_that_is_no_database_is_named(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    append(shelf, [0])
    shelf.index.write_bytes(b"no database" * 100)
    with pytest.raises(
        UserError, match=r"of net \(.*\) are damaged \(its index\); 'thawline store verify repair=true' drops"
    ):
        shelf.missing(DIGESTS[:1])


def test_one_fills_while_others_wait_and_read(
    make_shelf: Callable[..., Shelf], capfd: pytest.CaptureFixture[str]
) -> None:
    shelf = make_shelf()
    left: list[list[str]] = []

    def wait_for_it() -> None:
        other = make_shelf()
        with other.filling():
            left.append(other.missing(DIGESTS[:2]))

    with shelf.filling():
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        while "waiting" not in capfd.readouterr().err:
            assert thread.is_alive()
        shelf.append(DIGESTS[:1], numbered([0]))
        assert make_shelf().digests() == set(DIGESTS[:1])
        shelf.append(DIGESTS[1:2], numbered([1]))
        assert not left
    thread.join()
    assert left == [[]]


def test_a_reader_waits_for_a_commit_instead_of_failing(make_shelf: Callable[..., Shelf]) -> None:
    shelf = make_shelf()
    append(shelf, [0])
    found: list[set[str]] = []
    with database(shelf.index) as db:
        db.execute("BEGIN EXCLUSIVE")
        thread = threading.Thread(target=lambda: found.append(make_shelf().digests()))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        db.execute("COMMIT")
    thread.join()
    assert found == [set(DIGESTS[:1])]


def test_a_store_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be used: .*file.*: Not a directory; .* store\.dir="):
        FeatureStore(tmp_path / "file" / "store")


def test_rows_and_their_names_are_durable_before_the_index_names_them(
    make_shelf: Callable[..., Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not shelf.digests():
            synced.append((status.st_dev, status.st_ino))
        sync(descriptor)

    shelf = make_shelf()
    monkeypatch.setattr(os, "fsync", fsync)
    append(shelf, [0, 1])
    rows = sorted(shelf.folder.glob("*.rows"))
    assert len(rows) == 4
    for path in (*rows, shelf.folder, shelf.store.shelves):
        assert (path.stat().st_dev, path.stat().st_ino) in synced, path
    # The folder after the files that are new in it.
    last = [max(i for i, one in enumerate(synced) if one == (p.stat().st_dev, p.stat().st_ino)) for p in rows]
    folder = (shelf.folder.stat().st_dev, shelf.folder.stat().st_ino)
    assert synced[::-1].index(folder) < len(synced) - 1 - max(last)
