"""No image and no text on two sides, whatever the graph."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.pairs.graph import (
    Grouping,
    check_sides,
    components,
    drop_shared,
    find_grouping,
    split_pairs,
)
from thawline.data.pairs.table import Pair
from thawline.errors import UserError

edges = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40)


@given(edges)
def test_components_are_the_finest_parts_that_share_nothing(pairs):
    images, texts = np.array(pairs).T
    ids = components(images, texts)
    for nodes in (images, texts):
        for node in np.unique(nodes):
            assert len(set(ids[nodes == node].tolist())) == 1
    # Finest: from the first pair of each component every other one of it is reached by shared images and texts.
    for part in np.unique(ids):
        member = np.flatnonzero(ids == part)
        reached = {int(member[0])}
        while more := {
            int(i)
            for i in member
            if int(i) not in reached and any(images[i] == images[j] or texts[i] == texts[j] for j in reached)
        }:
            reached |= more
        assert reached == set(member.tolist())
    assert list(dict.fromkeys(ids.tolist())) == list(range(ids.max() + 1))


def graph(seed, families, size, joined=0.0):
    """Pairs of families that share images and texts, and of a share of texts that all have in common."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(families), size)
    images, texts = family * 3 + rng.integers(0, 3, len(family)), family * 4 + rng.integers(0, 4, len(family))
    texts[rng.random(len(family)) < joined] = 10_000
    labels = rng.integers(0, 2, len(family))
    harder = rng.integers(0, 2, len(family)).tolist()
    difficulty = [None if label else ("hard", "random")[i] for label, i in zip(labels, harder, strict=True)]
    return images, texts, labels, difficulty


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(15, 60), st.integers(2, 9), st.sampled_from([0.0, 0.3]))
def test_no_image_and_no_text_is_on_two_sides_and_each_pair_is_somewhere_once(seed, families, size, joined):
    images, texts, labels, difficulty = graph(seed, families, size, joined)
    grouping = find_grouping(images, texts, labels)
    assert grouping.whole == (joined == 0 or grouping.largest <= 0.5)
    sides = split_pairs(grouping, texts, labels, difficulty, seed=seed)
    assert len(sides) == len(labels)
    assert set(sides.tolist()) <= ({"train", "val", "test"} if grouping.whole else {"train", "val", "test", ""})
    kept = sides != ""
    for nodes in (images, texts):
        for node in np.unique(nodes[kept]):
            assert len(set(sides[kept & (nodes == node)].tolist())) == 1
    for side in ("train", "val", "test"):
        assert set(labels[sides == side].tolist()) == {0, 1}
    again = split_pairs(find_grouping(images, texts, labels), texts, labels, difficulty, seed=seed)
    assert np.array_equal(sides, again)


def test_shares_labels_and_difficulty_are_kept():
    images, texts, labels, difficulty = graph(0, 400, 6)
    sides = split_pairs(find_grouping(images, texts, labels), texts, labels, difficulty, test=0.2, val=0.25, seed=3)
    kinds = np.array([f"{label} {value}" for label, value in zip(labels, difficulty, strict=True)])
    for kind in np.unique(kinds):
        shares = {side: np.mean(sides[kinds == kind] == side) for side in ("train", "val", "test")}
        assert shares == pytest.approx({"train": 0.6, "val": 0.2, "test": 0.2}, abs=0.02)
    other = split_pairs(find_grouping(images, texts, labels), texts, labels, difficulty, seed=4)
    assert not np.array_equal(sides, other)


def test_many_groups_are_split_in_bundles_that_cut_none():
    images = np.repeat(np.arange(10_000), 2)
    texts, labels = np.arange(20_000), np.arange(20_000) % 2
    grouping = find_grouping(images, texts, labels)
    assert len(np.unique(grouping.ids)) == 10_000
    sides = split_pairs(grouping, texts, labels, seed=0)
    assert np.array_equal(sides[::2], sides[1::2])
    assert np.mean(sides == "test") == pytest.approx(0.2, abs=0.005)


def test_a_giant_component_is_split_by_image_and_shared_texts_are_dropped():
    images, texts = np.repeat(np.arange(40), 4), np.arange(160)
    texts[::4] = 999  # one text stands with every image
    labels = np.arange(160) % 2
    grouping = find_grouping(images, texts, labels)
    assert (grouping.whole, grouping.largest) == (False, 1.0)
    assert np.array_equal(grouping.ids, images)
    sides = split_pairs(grouping, texts, labels, seed=0)
    assert set(sides[texts == 999].tolist()) == {"", "test"}
    assert (sides[texts != 999] != "").all()


def test_a_rare_difficulty_does_not_make_a_split_impossible():
    images = texts = np.arange(100)
    labels = np.arange(100) % 2
    difficulty = ["odd" if i in (0, 2) else None for i in range(100)]
    sides = split_pairs(find_grouping(images, texts, labels), texts, labels, difficulty, seed=0)
    assert [int((sides == side).sum()) for side in ("train", "val", "test")] == pytest.approx([64, 16, 20], abs=1)


def test_too_few_groups_of_a_label_are_refused():
    ids = np.array([0, 1, 2, 3, 4, 4])
    with pytest.raises(UserError, match="too few mismatches to split: 1 groups of pairs"):
        split_pairs(Grouping(ids, True, 0.3), ids, np.array([1, 1, 1, 1, 0, 0]), seed=0)
    entangled = np.zeros(20, dtype=np.int64)
    with pytest.raises(UserError, match="too entangled to be split: 'train' keeps no matches"):
        split_pairs(Grouping(np.arange(20), False, 1.0), entangled, np.arange(20) % 2, seed=0)


def test_matches_alone_can_be_split():
    ids = np.arange(50)
    sides = split_pairs(find_grouping(ids, ids, np.ones(50, dtype=int)), ids, np.ones(50, dtype=int), seed=0)
    assert {side: int((sides == side).sum()) for side in ("train", "val", "test")} == {
        "train": 32,
        "val": 8,
        "test": 10,
    }


def test_drop_shared_keeps_what_shares_no_text():
    texts = np.array([7, 8, 9, 8, 7])
    assert drop_shared(np.array([0, 1, 2]), np.array([3]), texts).tolist() == [0, 2]
    assert drop_shared(np.array([0, 1, 2]), np.array([], dtype=np.int64), texts).tolist() == [0, 1, 2]


def pair(row, image, text, side, file="pairs.csv"):
    return Pair(row, file, image, Path("/", image), text, 1, None, side)


def test_sides_that_share_are_refused_with_both_rows():
    pairs = [pair(2, "a.jpg", "one", "train"), pair(3, "b.jpg", "two", "test"), pair(4, "c.jpg", "One", "val")]
    check_sides(pairs, np.array([0, 1, 2]), np.array([0, 1, 2]))
    with pytest.raises(
        UserError, match=r"same image on two sides: row 2 of pairs.csv \(train\) and row 3 .*look the same"
    ):
        check_sides(pairs, np.array([0, 0, 1]), np.array([0, 1, 2]))
    with pytest.raises(UserError, match=r"same text on two sides: row 2 of .* and row 4 of pairs.csv \(val\), 'one'"):
        check_sides(pairs, np.array([0, 1, 2]), np.array([0, 1, 0]))
