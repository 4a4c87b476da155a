"""What is known of files of which no features are wanted."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from thawline.data.listing import Listed
from thawline.data.photos.photo import PhotoFacts, read_photo
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.passes import looking
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import Wanted
from thawline.files import digest_of

MakePhotos = Callable[..., list[Listed]]


def test_each_file_is_read_once_and_its_features_are_another_matter(
    store: FeatureStore, wanted: Wanted, make_photos: MakePhotos, read: list[Path]
) -> None:
    photos = make_photos(5)
    found = find_facts(photos, store, Photos())
    assert sorted(read) == sorted(photo.path for photo in photos)
    assert find_facts(photos, store, Photos()) == found
    assert len(read) == 5
    assert found == {photo.name: read_photo(photo.path, None)[0] for photo in photos}
    assert not list(store.shelves.iterdir())
    later = survey(photos, store, wanted)
    assert (later.computed, later.read, later.opened) == (5, 0, 5)
    assert list(store.shelves.iterdir()) == [wanted.targets[0].shelf.folder]


def test_what_is_beyond_the_limits_is_not_hashed_even_where_its_size_is_known(
    store: FeatureStore, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = make_photos(2)
    find_facts(photos, store, Photos())
    huge = photos[1].path
    os.truncate(huge, 2**30)
    with sqlite3.connect(store.root / "files.sqlite") as db:  # an older version hashed it, and remembered its size
        db.execute("UPDATE files SET size = ? WHERE path = ?", (2**30, os.fsencode(huge)))
    hashed: list[Path] = []
    monkeypatch.setattr(looking, "digest_of", lambda path: hashed.append(path) or digest_of(path))
    photos[0].path.touch()
    found = find_facts(photos, store, Photos())
    assert hashed == [photos[0].path]
    assert found[photos[1].name] == PhotoFacts("", problem="too large: more than 512 MiB")
