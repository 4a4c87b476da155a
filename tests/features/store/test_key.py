"""What makes two shelves one, and what does not."""

import pytest

from thawline.features.store.key import canonical, shelf_id, shelf_key, text_digest

BASE = {
    "encoder": {"family": "clip", "weights": "ab"},
    "pixels": {"size": 224},
    "cut": 12,
    "dtype": "float32",
    "device": "cpu",
}


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": {"family": "clip", "weights": "ac"}},
        {"pixels": {"size": 225}},
        {"pixels": None},
        {"cut": 11},
        {"dtype": "bfloat16"},
        {"device": "cuda"},
        {"view": 1, "augmentation": {"flip": True}},
    ],
)
def test_whatever_moves_features_moves_the_key(change: dict) -> None:
    assert shelf_id(shelf_key(**BASE)) != shelf_id(shelf_key(**BASE | change))


@pytest.mark.parametrize(
    "change", [{"encoder": {"weights": "ab", "family": "clip"}}, {"augmentation": {"flip": True}}, {"view": 0}]
)
def test_whatever_does_not_leaves_it(change: dict) -> None:
    assert shelf_id(shelf_key(**BASE)) == shelf_id(shelf_key(**BASE | change))


def test_views_differ_by_number_and_augmentation() -> None:
    ids = {
        shelf_id(shelf_key(**BASE, view=view, augmentation=augmentation))
        for view in (1, 2)
        for augmentation in ({"flip": True}, {"flip": False})
    }
    assert len(ids) == 4


def test_stored_pixels_are_the_same_whatever_the_device_and_data_type() -> None:
    one = shelf_key(**BASE | {"cut": 0})
    assert one == shelf_key(**BASE | {"cut": 0, "device": "cuda", "dtype": "float16"})
    assert one["dtype"] is None


def test_the_id_is_the_sha256_of_sorted_json() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,null]}'
    assert shelf_id({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert text_digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
