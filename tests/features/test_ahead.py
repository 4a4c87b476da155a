"""Photos that are read before the survey asks for them."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.features.conftest import SQUARE

from thawline.data.listing import Listed
from thawline.features import ahead
from thawline.features.facts import find_facts
from thawline.features.files import FileIndex
from thawline.features.kinds import PHOTOS
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import Wanted

MakePhotos = Callable[..., list[Listed]]


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    ahead.forget()


def begin_all(photos: list[Listed], store: FeatureStore) -> None:
    """Begin, and wait until everything is read."""
    ahead.begin(photos, store.root, SQUARE, 110)
    for future in ahead._begun.values():
        future.result()


def test_a_survey_finds_the_same_as_without_and_reads_no_file_again(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, usual = make_photos(5), sys.getswitchinterval()
    plain = find_facts(photos, store, Photos())
    FileIndex(store.root, PHOTOS).forget()
    begin_all(photos, store)
    assert len(ahead._begun) == 5
    assert sys.getswitchinterval() <= usual / 10  # an import does not keep them waiting
    with monkeypatch.context() as patched:
        patched.setattr("thawline.features.media.read_photo", None)  # would raise
        found = survey(photos, store, wanted)
    assert not ahead._begun
    assert not ahead._pools
    assert sys.getswitchinterval() == usual
    assert found.facts == plain
    assert (found.computed, found.opened) == (5, 5)
    early = found.rows([photo.name for photo in photos])[:]["features"]
    other = FeatureStore(store.root.parent / "other")
    targets = tuple(replace(target, shelf=other.shelf(target.shelf.key)) for target in wanted.targets)
    again = survey(photos, other, replace(wanted, targets=targets))
    assert torch.equal(early, again.rows([photo.name for photo in photos])[:]["features"])


def test_what_the_store_knows_is_not_read(store: FeatureStore, wanted: Wanted, make_photos: MakePhotos) -> None:
    photos = make_photos(4)
    survey(photos, store, wanted)
    ahead.begin(photos, store.root, SQUARE, 110)
    assert not ahead._begun
    photos += make_photos(6, 4)
    ahead.begin(photos, store.root, SQUARE, 110)
    assert len(ahead._begun) == 2
    assert survey(photos, store, wanted).computed == 2


def test_a_store_that_does_not_exist_is_not_made(store: FeatureStore, make_photos: MakePhotos) -> None:
    absent = store.root.parent / "absent"
    ahead.begin(make_photos(1), absent, SQUARE, 110)
    ahead.forget()
    assert not absent.exists()


def test_another_preprocessing_takes_nothing(store: FeatureStore, make_photos: MakePhotos) -> None:
    (photo,) = make_photos(1)
    begin_all([photo], store)
    assert ahead.take(photo.path, replace(SQUARE, size=16)) is None
    assert ahead.take(photo.path, None) is None
    early = ahead.take(photo.path, SQUARE)
    assert early is not None
    assert early.pixels is not None
    assert early.pixels.shape == (3, 32, 32)
    assert ahead.take(photo.path, SQUARE) is None, "each is given once"


def test_a_file_that_is_written_meanwhile_is_read_again_by_the_next_run(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos
) -> None:
    first, second = make_photos(2)
    begin_all([first], store)
    first.path.write_bytes(second.path.read_bytes())
    os.utime(first.path, (1_700_000_001, 1_700_000_001))
    stale = survey([first], store, wanted).facts[first.name].digest
    fresh = survey([first], store, wanted).facts[first.name].digest
    assert stale != fresh
    assert fresh == survey([second], store, wanted).facts[second.name].digest


def test_only_so_many_pixels_are_held(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_HELD_BYTES", 3 * 3 * 32 * 32)
    photos = make_photos(5)
    begin_all(photos, store)
    assert [path for path, _ in ahead._begun] == [photo.path for photo in photos[:3]]
    found = survey(photos, store, wanted)
    assert found.computed == 5
    assert np.all([found.facts[photo.name].problem is None for photo in photos])
