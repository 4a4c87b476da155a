"""The floor as a whole on real photos, where they are."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thawline.data.listing import list_photos
from thawline.data.photos.collection import build_collection
from thawline.data.photos.photo import read_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.data.photos.report import data_report
from thawline.data.splits import check_split, holdout, kfold


@pytest.fixture(scope="module")
def collection(shared_data):
    listing = list_photos(shared_data / "events")
    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(lambda photo: read_photo(photo.path, None)[0], listing.photos))
    return build_collection(listing, {photo.name: fact for photo, fact in zip(listing.photos, facts, strict=True)})


def test_what_is_found(collection) -> None:
    report = data_report(collection)
    assert {name: counts["photos"] for name, counts in report["classes"].items()} == {
        "beach": 150, "christmas": 150, "family": 150, "halloween": 150,
    }  # fmt: skip
    assert report["left_out"] == report["two_labels"] == report["exact_duplicates"] == []
    assert report["near_duplicates"] == [
        ["beach/img076.jpg", "beach/img857.jpg"],
        ["christmas/img084.jpg", "christmas/img168.jpg"],
        ["christmas/img256.jpg", "christmas/img291.jpg"],
        ["family/img185.jpg", "family/img238.jpg"],  # cut to a strip, with a name on it
        ["family/img213.jpg", "family/img276.jpg"],  # without its white frame and the words in it
    ]
    assert report["near_duplicate_kinds"] == [
        {"photos": pair, "kind": "the second is part of the first"} for pair in report["near_duplicates"][3:]
    ]
    assert report["groups"]["count"] == 595


def test_splits(collection) -> None:
    ids = collection.grouping.ids
    folds = kfold(collection.labels, ids, folds=5, seed=0)
    check_split(folds, ids, collection.names)
    held = holdout(collection.labels, ids, seed=0)
    check_split(held, ids, collection.names)
    for label in range(4):
        assert np.bincount(folds[collection.labels == label]).tolist() == pytest.approx([30] * 5, abs=1)
        assert held[collection.labels == label].sum() == pytest.approx(30, abs=1)


def test_full_and_reduced_decode_agree_on_small_photos(collection) -> None:
    for photo in collection.photos[::60]:
        _, reduced = read_photo(photo.path, Preprocessing(224, 224))
        _, full = read_photo(photo.path, Preprocessing(224, 224, decode="full"))
        assert (reduced.int() - full.int()).abs().float().mean() < 0.5
