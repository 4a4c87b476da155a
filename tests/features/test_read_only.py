"""A store that can't be written is read."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from thawline.data.listing import Listed
from thawline.errors import UserError
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.upkeep import list_shelves, verify
from thawline.features.wanted import Target, Wanted

NOBODY = 65534


@contextmanager
def protected(folder: Path) -> Iterator[None]:
    """Nobody may write in `folder`; root, whom no permission stops, is somebody else meanwhile."""
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_root = os.geteuid() == 0
    if is_root:
        if not hasattr(os, "setresuid"):
            pytest.skip("root can't be somebody else here")
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        for path in paths:
            path.chmod(stat.S_IRWXU)


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "store"
    shutil.rmtree(folder)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}


@pytest.fixture
def photos(write_photos: Callable[..., list[Listed]], root: Path) -> list[Listed]:
    return write_photos(root.parent / "photos", 9)


def test_what_is_stored_is_read_listed_and_verified_and_nothing_changes(
    root: Path, photos: list[Listed], wanted: Wanted
) -> None:
    def asked(store: FeatureStore) -> Wanted:
        return Wanted((Target(store.shelf(wanted.targets[0].shelf.key), cut=3),), wanted.prefix, wanted.medium)

    expected = survey(photos[:8], FeatureStore(root), asked(FeatureStore(root)))
    find_facts(photos[8:], FeatureStore(root), Photos())
    before = snapshot(root)
    names = [photo.name for photo in photos[:8]]
    with protected(root):
        assert not os.access(root / "shelves", os.W_OK)
        store = FeatureStore(root)
        found = survey(photos[:8], store, asked(store))
        assert (found.computed, found.read, found.opened) == (0, 8, 0)
        assert torch.equal(found.rows(names)[:]["features"], expected.rows(names)[:]["features"])
        assert [shelf.samples for shelf in list_shelves(store)] == [8]
        assert (verify(store).problems, verify(store).samples) == ([], 8)
        with pytest.raises(UserError, match=r"can't be written, and it lacks features of .*; set store\.dir=…"):
            survey(photos, store, asked(store))
    assert snapshot(root) == before
    assert survey(photos, FeatureStore(root), asked(FeatureStore(root))).computed == 1


def test_files_that_it_does_not_know_are_read_and_not_remembered(
    root: Path, photos: list[Listed], read: list[Path]
) -> None:
    FeatureStore(root)
    before = snapshot(root)
    with protected(root):
        found = find_facts(photos, FeatureStore(root), Photos())
        assert len(read) == len(photos)
        assert all(facts.problem is None for facts in found.values())
    assert snapshot(root) == before


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
def test_a_damaged_memory_of_files_is_done_without(
    root: Path, photos: list[Listed], read: list[Path], content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    find_facts(photos, FeatureStore(root), Photos())
    read.clear()
    (root / "files.sqlite").write_bytes(content)
    before = snapshot(root)
    with protected(root):
        find_facts(photos, FeatureStore(root), Photos())
        assert sorted(read) == sorted(photo.path for photo in photos)
    assert snapshot(root) == before
    assert ("files.sqlite) was damaged" in capfd.readouterr().err) == bool(content)


def test_damaged_features_are_a_sentence(root: Path) -> None:
    shelf = FeatureStore(root).shelf({"dtype": "float32"}, "net")
    with shelf.filling():
        shelf.append(["a", "b"], {"features": torch.from_numpy(np.eye(2, dtype=np.float32))})
    path = next(shelf.folder.glob("*.rows"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with protected(root):
        shelf = FeatureStore(root).shelf({"dtype": "float32"}, "net")
        with pytest.raises(UserError, match=r"stored features of net \(.*\) are damaged \(1 of its rows\)"):
            shelf.rows(["a", "b"])


def test_a_folder_that_holds_no_store_and_can_not_be_written_is_said(root: Path) -> None:
    root.mkdir()
    with protected(root), pytest.raises(UserError, match=r"cannot be used: .*Permission denied; .*store\.dir=…"):
        FeatureStore(root)
