import base64

import numpy as np
import pytest
from PIL import Image, ImageOps

from thawline.data.photos.copies.sketches import LONG, SHORTEST, draw_sketch, read_sketch, sketch_size, within_border
from thawline.data.photos.photo import read_photo


def sketched(picture: Image.Image):
    text = draw_sketch(picture.convert("L").resize(sketch_size(*picture.size), Image.Resampling.BILINEAR))
    assert text is not None
    return read_sketch(text)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((800, 600), (128, 96)), ((600, 800), (96, 128)), ((1, 1), (128, 128)), ((9, 9000), (SHORTEST, LONG))],
)
def test_the_longer_side_has_one_length(size, expected) -> None:
    assert sketch_size(*size) == expected


def test_what_was_drawn_is_read(scene) -> None:
    picture = scene(3, (800, 600)).convert("L").resize((128, 96))
    text = draw_sketch(picture)
    assert text is not None
    assert 4000 < len(text) < 8000
    sketch = read_sketch(text)
    assert (sketch.width, sketch.height) == (128, 96)
    assert np.array_equal(sketch.grey, np.asarray(picture.reduce(2)))
    assert 50 < len(sketch.words) == len(sketch.sizes) == len(sketch.points)
    assert set(sketch.sizes.tolist()) == {0, 1, 2, 3}
    # No keypoint is so close to the border that its description would reach beyond.
    margin = 8 * np.sqrt(2) ** sketch.sizes
    assert (sketch.points.real > margin).all()
    assert (sketch.points.real < 128 - margin + 2 * margin / 8).all()
    assert (sketch.points.imag > margin).all()


def test_a_keypoint_is_where_the_spot_is() -> None:
    grey = np.full((96, 128), 100, np.uint8)
    spots = [(20 + 30 * i, 20 + 25 * j) for i in range(4) for j in range(3)]  # x, y
    for x, y in spots:
        grey[y - 1 : y + 2, x - 1 : x + 2] = 200
    text = draw_sketch(Image.fromarray(grey))
    assert text is not None
    sketch = read_sketch(text)
    found = {
        (int(point.real), int(point.imag)) for point, size in zip(sketch.points, sketch.sizes, strict=True) if not size
    }
    assert found == set(spots)


@pytest.mark.parametrize("size", [(128, 96), (16, 128), (128, 16)])
def test_what_has_no_keypoints_has_no_sketch(size) -> None:
    assert draw_sketch(Image.new("L", size, 90)) is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (40, 9), (5, 4000), (4000, 5)])
def test_pictures_of_any_size_are_read(tmp_path, encode, size) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encode(Image.fromarray(noise), "PNG"))
    facts, _ = read_photo(tmp_path / "a.png", None)
    assert facts.problem is None
    if facts.sketch is not None:
        read_sketch(facts.sketch)


def test_a_border_is_left_out() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (96, 128), np.uint8)
    assert within_border(Image.fromarray(grey)) is None
    assert within_border(Image.new("L", (128, 96), 7)) is None
    framed = np.full((96, 128), 250, np.uint8)
    framed[10:80, 5:120] = grey[10:80, 5:120]
    assert within_border(Image.fromarray(framed)) == (5, 10, 120, 80)
    framed[0] += np.arange(128, dtype=np.uint8) % 13 // 6  # JPEG's noise
    assert within_border(Image.fromarray(framed)) == (5, 10, 120, 80)
    spot = np.full((96, 128), 250, np.uint8)
    spot[40:50, 50:60] = 0
    assert within_border(Image.fromarray(spot)) is None  # a drawing on paper, not a picture in a frame


def test_a_framed_picture_is_sketched_without_its_frame(tmp_path, scene, encode) -> None:
    picture = scene(5, (600, 450))
    plain, framed = tmp_path / "plain.png", tmp_path / "framed.png"
    plain.write_bytes(encode(picture, "PNG"))
    framed.write_bytes(encode(ImageOps.expand(picture, 60, "white"), "PNG"))
    words = []
    for path in (plain, framed):
        sketch = read_photo(path, None)[0].sketch
        assert sketch is not None
        words.append(read_sketch(sketch).words)
    closest = np.bitwise_count(words[0][:, None] ^ words[1]).min(axis=1)
    assert np.median(closest) <= 10


def test_a_turned_photo_is_sketched_upright(tmp_path, scene, encode) -> None:
    picture, exif = scene(4, (800, 600)), Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(encode(picture))
    (tmp_path / "b.jpg").write_bytes(encode(picture.transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes()))
    one, other = (read_sketch(read_photo(tmp_path / name, None)[0].sketch or "") for name in ("a.jpg", "b.jpg"))
    assert one.grey.shape == other.grey.shape
    assert abs(one.grey.astype(int) - other.grey.astype(int)).mean() < 2


def test_text_is_plain_base64(scene) -> None:
    text = draw_sketch(scene(1).convert("L").resize((128, 96)))
    assert text is not None
    assert base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
