"""Real pairs, where they are: what is found in them, and a split that shares nothing."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from thawline.data.pairs.graph import find_grouping, image_ids, split_pairs, text_ids
from thawline.data.pairs.report import pair_report
from thawline.data.pairs.table import listed_images, read_pairs, usable_pairs
from thawline.data.photos.photo import read_photo


@pytest.fixture(scope="module")
def checked(shared_data):
    table = read_pairs([(shared_data / "pairs" / "pairs.csv", None)], None)
    photos = listed_images(table)
    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(lambda photo: read_photo(photo.path, None)[0], photos))
    facts = {photo.name: fact for photo, fact in zip(photos, facts, strict=True)}
    table = usable_pairs(table, facts)
    return table, image_ids(table.pairs, facts), text_ids([pair.text for pair in table.pairs])


def test_what_is_found(checked):
    report = pair_report(*checked)
    assert (report["pairs"], report["matches"], report["mismatches"]) == (4799, 2399, 2400)
    assert [(found["row"], found["kind"]) for found in report["findings"] if found["dropped"]] == [(1305, "duplicate")]
    assert sum(found["kind"] == "short text" for found in report["findings"]) == 31
    assert report["groups"] == {"whole": True, "count": 584, "largest_component": 0.0125}
    assert report["warnings"] == []


def test_no_image_and_no_text_is_on_two_sides(checked):
    table, images, texts = checked
    labels = np.array([pair.label for pair in table.pairs])
    sides = split_pairs(find_grouping(images, texts, labels), texts, labels, seed=0)
    for ids in (images, texts):
        sets = [set(ids[sides == side].tolist()) for side in ("train", "val", "test")]
        assert not sets[0] & sets[1] | sets[1] & sets[2] | sets[0] & sets[2]
    assert [int((sides == side).sum()) for side in ("train", "val", "test")] == pytest.approx([3071, 768, 960], abs=15)
    assert all(abs(labels[sides == side].mean() - 0.5) < 0.02 for side in ("train", "val", "test"))
