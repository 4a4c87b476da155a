"""One pass over photos: what is read, what is computed, what is found."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tests.features.conftest import Network

from thawline.data.listing import Listed
from thawline.data.photos.photo import read_photo
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
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
