"""Photos with several labels; they are only listed here, none is read."""

from pathlib import Path

import numpy as np
import pytest

from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.photo import PhotoFacts
from thawline.errors import UserError
from thawline.tasks.photos.tagged import COPY, NOT_TOLD, mark_photos

ROOT = Path("/photos")


def listed(*files):
    """A listing and facts of files (name, content), the folder above all being the class, those below it shoots."""
    photos, facts = [], {}
    for name, content, *more in sorted(files):
        label, _, below = name.partition("/")
        folder = below.rpartition("/")[0]
        group, side = [*more, None, None][:2]
        photos.append(Listed(ROOT / name, name, label, folder, side, group=group))
        facts[name] = PhotoFacts(f"{content:064x}", phash=None)
    return Listing(ROOT, tuple(sorted({photo.label for photo in photos})), tuple(photos), ()), facts


def many(*own):
    """Five more photos of each label, each a group of its own, so that all are told."""
    return [
        (f"{label}/{i}.jpg", 1000 * j + i) for j, label in enumerate(("formal", "romantic"), 1) for i in range(5)
    ] + [*own]


def test_copies_are_one_photo_with_all_their_labels():
    found = mark_photos(
        *listed(*many(("formal/a.jpg", 1), ("romantic/b.jpg", 1), ("solemn/c.jpg", 1), ("solemn/d.jpg", 2)))
    )
    assert found.names == ("formal", "romantic")
    assert found.rare == {"solemn": 2}
    at = found.collection.names.index("formal/a.jpg")
    assert found.true[at].tolist() == [True, True]
    assert len(found.collection.names) == 11
    assert found.collection.left_out == (
        LeftOut("romantic/b.jpg", COPY),
        LeftOut("solemn/c.jpg", COPY),
        LeftOut("solemn/d.jpg", NOT_TOLD),
    )


def test_a_label_that_is_left_out_is_said_to_be_on_fewer_groups_than_the_settings_ask_for():
    more = [
        (f"{label}/more{i}.jpg", 100 * i + k) for i in range(1, 4) for k, label in enumerate(("formal", "romantic"))
    ]
    solemn = [(f"solemn/{i}.jpg", 5000 + i) for i in range(6)]
    found = mark_photos(*listed(*many(*more, *solemn)), min_groups=8)
    assert found.rarity() == ["Labels left out, since they are on fewer than 8 groups: 'solemn' (6)."]


@pytest.mark.parametrize("how", ["folder", "group"])
def test_what_binds_a_copy_binds_the_photo(how):
    # b is in a shoot with a, whose copy is in a shoot with c: none of them may be on another side than another.
    if how == "folder":
        files = [("formal/x/a.jpg", 1), ("formal/x/b.jpg", 2), ("romantic/y/a.jpg", 1), ("romantic/y/c.jpg", 3)]
    else:
        files = [
            ("formal/a.jpg", 1, "x"),
            ("formal/b.jpg", 2, "x"),
            ("romantic/a.jpg", 1, "y"),
            ("romantic/c.jpg", 3, "y"),
        ]
    found = mark_photos(*listed(*many(*files))).collection
    of = dict(zip(found.names, found.grouping.ids.tolist(), strict=True))
    bound = [name for name in of if "/0" not in name and name.rpartition("/")[2][0] in "abc"]
    assert len(bound) == 3
    assert len({of[name] for name in bound}) == 1
    assert len(np.unique(found.grouping.ids)) == 11


def test_copies_on_two_sides_are_refused():
    files = [("formal/a.jpg", 1, None, "train"), ("romantic/a.jpg", 1, None, "test")]
    with pytest.raises(UserError, match=r"formal/a.jpg and romantic/a.jpg are one photo, on two sides of the split"):
        mark_photos(*listed(*many(*files)))
