from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from thawline.data.listing import Listed
from thawline.data.photos.copies import parts
from thawline.data.photos.copies.parts import find_parts
from thawline.data.photos.copies.sketches import unlike
from thawline.data.photos.groups import find_copies, find_groups, kinds_of
from thawline.data.photos.photo import PhotoFacts, read_photo

SIZE = (640, 480)


def cut(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = picture.size
    return picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))


EDITS = {
    "cropped by 15 %": lambda picture: cut(picture, 0.075, 0.075, 0.925, 0.925),
    "cropped by 30 %": lambda picture: cut(picture, 0.15, 0.15, 0.85, 0.85),
    "a corner": lambda picture: cut(picture, 0, 0, 0.7, 0.7),
    "half": lambda picture: cut(picture, 0.5, 0, 1, 1),
    "cropped and small": lambda picture: cut(picture, 0.1, 0.2, 0.8, 0.9).reduce(3),
    "framed": lambda picture: ImageOps.expand(picture, 64, "white"),
    "letterbox": lambda picture: ImageOps.expand(picture, (0, 70), "black"),
}


@pytest.fixture
def facts(tmp_path, encode):
    def read(picture: Image.Image) -> PhotoFacts:
        (tmp_path / "photo.jpg").write_bytes(encode(picture, quality=75))
        return read_photo(tmp_path / "photo.jpg", None)[0]

    return read


def test_parts_and_framed_copies_are_found_and_strangers_are_not(facts, scene) -> None:
    scenes = [scene(seed, SIZE) for seed in range(6)]
    known = [facts(picture) for picture in scenes]
    for name, edit in EDITS.items():
        ids = find_copies([*known, *(facts(edit(picture)) for picture in scenes)])
        assert ids.tolist() == [*range(6)] * 2, name


def test_who_belongs_to_whom_without_a_sketch_in_between(facts, scene) -> None:
    whole, other = facts(scene(1, SIZE)).sketch, facts(scene(2, SIZE)).sketch
    part = facts(EDITS["a corner"](scene(1, SIZE))).sketch
    assert find_parts([None, whole, other, None, part]) == [(1, 4)]
    assert find_parts([part, None, whole]) == [(0, 2)]
    assert find_parts([]) == find_parts([whole]) == find_parts([None, None]) == []


def test_two_views_of_one_scene_are_not_parts_of_each_other(facts, scene) -> None:
    picture = scene(3, (800, 480))
    left, right = facts(cut(picture, 0, 0, 0.8, 1)), facts(cut(picture, 0.2, 0, 1, 1))
    assert find_parts([left.sketch, right.sketch]) == []
    assert find_parts([left.sketch, facts(picture).sketch, right.sketch]) == [(0, 1), (1, 2)]


def test_somebody_else_in_the_same_place_is_another_photo(facts, scene) -> None:
    picture = scene(4, SIZE)
    nearer = cut(picture, 0.1, 0.1, 0.9, 0.9)
    assert find_parts([facts(picture).sketch, facts(nearer).sketch]) == [(0, 1)]
    somebody = scene(9, SIZE).resize((nearer.width // 2, nearer.height // 2))
    nearer.paste(somebody, (nearer.width // 4, nearer.height // 2))
    assert find_parts([facts(picture).sketch, facts(nearer).sketch]) == []


def test_lights_may_differ(facts, scene) -> None:
    picture = scene(5, SIZE)
    part = cut(picture, 0.2, 0.1, 0.9, 0.8).point(lambda level: 0.6 * level + 70)
    assert find_parts([facts(picture).sketch, facts(part).sketch]) == [(0, 1)]


def test_the_first_of_photos_that_look_the_same_stands_for_all(facts, scene) -> None:
    picture = scene(6, SIZE)
    known = [facts(picture), facts(picture.reduce(2)), facts(EDITS["a corner"](picture)), facts(scene(7, SIZE))]
    listed = [Listed(Path(f"/photos/a/{i}.jpg"), f"a/{i}.jpg", "ab"[i % 2], "", None) for i in range(4)]
    found = find_groups(listed, known)
    assert found.ids.tolist() == [0, 0, 0, 1]
    assert found.near_duplicates == [(0, 1), (0, 2)]
    assert found.two_labels == [(0, 1)]
    assert found.reasons["near-duplicate"] == 1


KINDS = {
    None: "",
    Image.Transpose.FLIP_LEFT_RIGHT: "mirrored",
    Image.Transpose.FLIP_TOP_BOTTOM: "mirrored and turned by 180°",
    Image.Transpose.ROTATE_180: "turned by 180°",
    Image.Transpose.ROTATE_90: "turned by 90°",
    Image.Transpose.ROTATE_270: "turned by 90°",
    Image.Transpose.TRANSPOSE: "mirrored and turned by 90°",
    Image.Transpose.TRANSVERSE: "mirrored and turned by 90°",
}


def test_it_is_known_how_copies_differ(facts, scene) -> None:
    picture = scene(8, SIZE)
    turned = [picture if how is None else picture.transpose(how) for how in KINDS]
    for one in turned:
        assert kinds_of([(0, 1)], [facts(one), facts(one.reduce(2))]) == {}
    known = [facts(picture), *(facts(copy.reduce(2)) for copy in turned)]
    wanted = {(0, place): kind for place, kind in enumerate(KINDS.values(), start=1) if kind}
    assert kinds_of([(0, place) for place in range(1, len(known))], known) == wanted
    edited = [facts(edit(picture)) for edit in EDITS.values()]
    first, second = "the first is part of the second", "the second is part of the first"
    framed = {"framed": "framed", "letterbox": "framed"}
    for (name, _), copy in zip(EDITS.items(), edited, strict=True):
        assert kinds_of([(0, 1)], [known[0], copy]) == {(0, 1): framed.get(name, second)}, name
        assert kinds_of([(0, 1)], [copy, known[0]]) == {(0, 1): framed.get(name, first)}, name
    assert kinds_of([(0, 1)], [known[0], facts(scene(9, SIZE))]) == {}
    assert kinds_of([(0, 1)], [known[0], replace(edited[0], sketch=None)]) == {}


def test_repeated_patterns_make_no_parts(facts) -> None:
    def tiles(size: int, seed: int) -> Image.Image:
        tile = np.random.default_rng(seed).integers(0, 255, (size, size), np.uint8).repeat(8, 0).repeat(8, 1)
        return Image.fromarray(np.tile(tile, (480 // len(tile) + 1, 640 // len(tile) + 1))[:480, :640])

    assert find_parts([facts(tiles(size, seed)).sketch for seed, size in enumerate((4, 4, 5, 6, 7, 8))]) == []


def test_however_many_are_looked_at_together_the_same_are_found(facts, scene, monkeypatch) -> None:
    scenes = [scene(seed, SIZE) for seed in range(4)]
    cuts = [EDITS["cropped by 15 %"](picture) for picture in scenes]
    sketches = [facts(picture).sketch for picture in [*scenes, *cuts]]
    for together in (1, 3, 7, 8, 9):
        monkeypatch.setattr(parts, "_AT_ONCE", together)
        assert find_parts(sketches) == [(i, i + 4) for i in range(4)]


def test_a_sketch_made_unlike_is_of_its_size_and_of_no_picture(facts, scene) -> None:
    sketch = facts(scene(1, SIZE)).sketch
    others = [unlike(sketch), unlike(sketch)]
    assert [len(other) for other in others] == [len(sketch)] * 2
    assert find_parts([sketch, *others]) == []
    assert find_parts([sketch, sketch]) == [(0, 1)]
