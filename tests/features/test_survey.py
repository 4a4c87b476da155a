"""One pass over photos: what is read, what is computed, what is found."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.features.conftest import Network

from thawline.data.listing import Listed
from thawline.data.photos.photo import read_photo
from thawline.features.files import FileIndex, FileRecord, Stamp
from thawline.features.kinds import PHOTOS
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.upkeep import verify
from thawline.features.wanted import Wanted

MakePhotos = Callable[..., list[Listed]]


def counts(found: Survey) -> tuple[int, int, int]:
    return found.computed, found.read, found.opened


def named(path: Path) -> Listed:
    return Listed(path, f"beach/{path.name}", "beach", "", None)


def test_everything_is_computed_once_and_then_read(
    store: FeatureStore, wanted: Wanted, network: Network, make_photos: MakePhotos
) -> None:
    photos = make_photos(21)
    assert counts(survey(photos, store, wanted)) == (21, 0, 21)
    again = survey(photos, FeatureStore(store.root), wanted)
    assert counts(again) == (0, 21, 0)
    assert network.given == [16, 16]
    names = [photo.name for photo in photos][::-1]
    rows = again.rows(names)
    for i, photo in enumerate(reversed(photos)):
        facts, pixels = read_photo(photo.path, wanted.medium.preprocessing)
        assert again.facts[photo.name] == facts
        with torch.inference_mode():
            expected = network({"pixels": pixels[None].expand(16, -1, -1, -1)})
        for name, tensor in rows[np.array([i])].items():
            assert torch.equal(tensor[0], expected[name][0])


def test_ten_added_photos_compute_ten(store: FeatureStore, wanted: Wanted, make_photos: MakePhotos) -> None:
    photos = make_photos(20)
    survey(photos, store, wanted)
    assert counts(survey([*photos, *make_photos(30, 20)], store, wanted)) == (10, 20, 10)


def test_the_same_content_is_computed_once(store: FeatureStore, wanted: Wanted, make_photos: MakePhotos) -> None:
    photos = make_photos(3)
    copy = photos[0].path.with_name("copy.jpg")
    shutil.copy2(photos[1].path, copy)
    found = survey([*photos, named(copy)], store, wanted)
    assert (found.computed, found.read) == (3, 0)
    features = found.rows([photos[1].name, "beach/copy.jpg"])[:]["features"]
    assert torch.equal(features[0], features[1])


def test_a_touched_or_moved_file_is_hashed_but_not_computed_again(
    store: FeatureStore, wanted: Wanted, network: Network, make_photos: MakePhotos
) -> None:
    photos = make_photos(4)
    survey(photos, store, wanted)
    photos[0].path.touch()
    moved = photos[1].path.rename(photos[1].path.with_name("moved.jpg"))
    network.given.clear()
    found = survey([photos[0], named(moved), *photos[2:]], store, wanted)
    assert counts(found) == (0, 4, 2)
    assert network.given == []
    assert found.facts["beach/moved.jpg"].phash


def test_a_changed_file_is_computed_again(store: FeatureStore, wanted: Wanted, make_photos: MakePhotos) -> None:
    photos = make_photos(4)
    before = survey(photos, store, wanted).rows([photos[0].name])[:]["features"]
    shutil.copyfile(make_photos(10, 9)[0].path, photos[0].path)
    found = survey(photos, store, wanted)
    assert counts(found) == (1, 3, 1)
    assert not torch.equal(found.rows([photos[0].name])[:]["features"], before)


def test_a_file_changed_twice_within_the_clocks_resolution_is_noticed(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos
) -> None:
    """The second content has the size and the times of the first; only that the first was so fresh gives it away."""
    photos, others = make_photos(1), make_photos(4, 2)
    path = photos[0].path
    padded = [other.path.read_bytes() for other in others]
    padded = [data + bytes(max(map(len, padded)) - len(data)) for data in padded]
    path.write_bytes(padded[0])
    first = survey(photos, store, wanted)
    status = path.stat()
    path.write_bytes(padded[1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    now = replace(Stamp.of(path), settled=False)  # ctime cannot be set back; the index can be told of it
    FileIndex(store.root, PHOTOS).remember([FileRecord(path, now, first.facts[photos[0].name])])
    second = survey(photos, store, wanted)
    assert second.facts[photos[0].name].digest != first.facts[photos[0].name].digest
    assert counts(second) == (1, 0, 1)


def test_unusable_files_have_a_problem_and_no_features(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos
) -> None:
    photos = make_photos(3)
    folder = photos[0].path.parent
    (folder / "text.jpg").write_text("not a photo")
    (folder / "empty.jpg").touch()
    (folder / "torn.jpg").write_bytes(photos[0].path.read_bytes()[:300])
    broken = [named(folder / name) for name in ("text.jpg", "empty.jpg", "torn.jpg", "gone.jpg")]
    found = survey([*photos, *broken], store, wanted)
    assert (found.computed, found.read) == (3, 0)
    assert [name for name, facts in found.facts.items() if facts.problem] == [photo.name for photo in broken]
    assert found.facts["beach/gone.jpg"].digest == ""
    assert "No such file" in found.facts["beach/gone.jpg"].problem
    again = survey([*photos, *broken], store, wanted)
    assert again.facts == found.facts
    assert (again.computed, again.read) == (0, 3)


def test_a_file_that_vanishes_is_a_problem_of_this_run_only(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos
) -> None:
    photos = make_photos(3)
    survey(photos, store, wanted)
    aside = photos[0].path.rename(photos[0].path.with_suffix(".aside"))
    found = survey(photos, store, wanted)
    assert "No such file" in found.facts[photos[0].name].problem
    assert counts(found) == (0, 2, 0)
    aside.rename(photos[0].path)
    back = survey(photos, store, wanted)
    assert back.facts[photos[0].name].problem is None
    assert (back.computed, back.read) == (0, 3)


def test_an_error_of_the_network_is_not_swallowed_and_leaves_the_store_sound(
    store: FeatureStore, wanted: Wanted, network: Network, make_photos: MakePhotos
) -> None:
    photos = make_photos(40)

    def breaks(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if network.given:
            raise ZeroDivisionError
        return network(inputs)

    threads = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        survey(photos, store, replace(wanted, prefix=lambda *_: breaks))
    assert torch.get_num_threads() == threads
    assert verify(store).problems == []
    held = len(wanted.targets[0].shelf.digests())
    assert held in (0, 16)
    assert survey(photos, store, wanted).computed == 40 - held


def test_no_photos_at_all(store: FeatureStore, wanted: Wanted) -> None:
    found = survey([], store, wanted)
    assert counts(found) == (0, 0, 0)
    assert len(found.rows([])) == 0


def test_a_limit_counts_for_what_is_stored_too(store: FeatureStore, wanted: Wanted, make_photos: MakePhotos) -> None:
    """Whether a photo is used does not depend on what an earlier run, of another limit, left in the store."""
    photos = make_photos(3)
    found = survey(photos, store, wanted)
    pixels = {facts.width * facts.height for facts in found.facts.values()}
    strict = replace(wanted, medium=replace(wanted.medium, max_megapixels=0.9 * min(pixels) / 1e6))
    refused = survey(photos, store, strict)
    assert all("more than data.max_megapixels" in (facts.problem or "") for facts in refused.facts.values())
    assert counts(survey(photos, store, wanted)) == (0, 3, 0)
    assert survey(photos, store, wanted).facts == found.facts
