"""A disk that is full."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.features.conftest import Network

from thawline.data.listing import Listed
from thawline.errors import UserError
from thawline.features.files import FileIndex, FileRecord, Stamp
from thawline.features.kinds import PHOTOS
from thawline.features.store.disk import check_room
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.upkeep import verify
from thawline.features.wanted import Target, Wanted

SIZE = 400_000
FULL = (
    r"the disk that holds the feature store \(.*\) is full: \d\.\d MB are free, about ([\d.]+) MB are needed; free some"
)


def test_a_full_disk_is_said_and_harms_nothing(
    small_disk: Path, wanted: Wanted, network: Network, make_photos: Callable[..., list[Listed]]
) -> None:
    photos = make_photos(60)
    store = FeatureStore(small_disk / "store")
    key = shelf_key({"family": "wide"}, None, cut=1, dtype="float32", device="cpu")

    def wide(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"features": network(inputs)["features"].repeat(1, 1000)}  # 96,000 bytes

    some = Wanted((Target(store.shelf(key), cut=1),), lambda *_: wide, wanted.medium)
    assert survey(photos[:20], store, some).computed == 20
    with pytest.raises(UserError, match=FULL) as caught:
        survey(photos, store, some)
    needed = float(re.search(FULL, str(caught.value)).group(1))
    assert needed == pytest.approx(40 * 96_000 / 1e6, abs=0.1)
    assert verify(store).problems == []
    assert len(some.targets[0].shelf.digests()) == 20
    assert survey(photos[:20], store, some).read == 20
    assert survey(photos[:23], store, some).computed == 3


def test_a_disk_that_fills_up_in_the_middle_of_a_write(small_disk: Path) -> None:
    store = FeatureStore(small_disk / "store")
    shelf = store.shelf({"dtype": "float32"})
    with shelf.filling():
        shelf.append(["a"], {"features": torch.ones(1, 1000)})
        filler = small_disk / "filler"
        free = os.statvfs(small_disk)
        filler.write_bytes(bytes((free.f_bavail - 2) * free.f_frsize))
        with pytest.raises(UserError, match=FULL):
            shelf.append(["b"], {"features": torch.ones(1, 1000)})  # the rows fit, the index does not
        with pytest.raises(UserError, match=FULL):
            shelf.append(["c", "d", "e"], {"features": torch.ones(3, 1000)})  # nor do these rows
        assert shelf.digests() == {"a"}
        filler.unlink()
        shelf.append(["b"], {"features": torch.full((1, 1000), 2.0)})
    assert torch.equal(shelf.rows(["b"])[:]["features"], torch.full((1, 1000), 2.0))
    assert verify(store).problems == []


def test_a_full_disk_still_gives_what_it_holds(
    small_disk: Path, wanted: Wanted, make_photos: Callable[..., list[Listed]]
) -> None:
    photos = make_photos(3)
    store = FeatureStore(small_disk / "store")
    key = shelf_key({"family": "net"}, None, cut=1, dtype="float32", device="cpu")
    some = replace(wanted, targets=(Target(store.shelf(key), cut=1),))
    survey(photos, store, some)
    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
    assert os.statvfs(small_disk).f_bavail == 0
    found = survey(photos, FeatureStore(store.root), some)
    assert (found.computed, found.read) == (0, 3)
    seen = (FileRecord(Path(f"/{i}"), Stamp(1, 2, 3, settled=True), found.facts[photos[0].name]) for i in range(3000))
    with pytest.raises(UserError, match=FULL):
        FileIndex(store.root, PHOTOS).remember(seen)
    assert FileIndex(store.root, PHOTOS).sizes() == {photo.path.stat().st_size for photo in photos}
    with pytest.raises(UserError, match=FULL):
        survey(photos, FeatureStore(store.root), replace(wanted, targets=(Target(store.shelf({}), cut=1),)))


def test_room_is_checked_before_hours_of_computing(tmp_path: Path) -> None:
    check_room(tmp_path, 0)
    with pytest.raises(UserError, match=r"about 1000000000\.0 MB are needed"):
        check_room(tmp_path, 10**15)
