import numpy as np
import pytest
from PIL import Image

from thawline.data.photos.copies.thumbnails import HASHED, grey_and_hashed, grey_picture
from thawline.data.photos.decoding.pictures import STRIP, Picture


def noise(width: int, height: int) -> Image.Image:
    """Levels at both ends, which Lanczos' filter overshoots, and everything between."""
    levels = np.random.default_rng(width * height).integers(-200, 456, (height, width, 3)).clip(0, 255)
    return Image.fromarray(levels.astype(np.uint8))


def across_then_down(grey: Image.Image, size: tuple[int, int], filtering: Image.Resampling, gap: float | None) -> bytes:
    """As Pillow resizes one axis, and then the other."""
    narrow = grey.resize((size[0], grey.height), filtering, reducing_gap=gap)
    return narrow.resize(size, filtering, reducing_gap=gap).tobytes()


@pytest.mark.parametrize(
    "size",
    [(225, 225), (200, 252), (130, 700), (1, 40), (63, 65), (64, 64), (2000, 33), (1100, 1000)],
    ids=lambda size: "x".join(map(str, size)),
)
def test_what_is_hashed_has_the_bits_that_pillow_gives(size: tuple[int, int]) -> None:
    photo = noise(*size)
    grey, hashed = grey_and_hashed(Picture(photo), (128, 100))
    square = across_then_down(photo.convert("L"), (HASHED, HASHED), Image.Resampling.LANCZOS, None)
    assert hashed.astype(np.uint8).tobytes() == square
    assert (hashed == np.floor(hashed)).all()
    assert grey.tobytes() == across_then_down(photo.convert("L"), (128, 100), Image.Resampling.BILINEAR, 1.0)


def test_a_part_is_made_as_if_it_was_all() -> None:
    photo, box = noise(1300, 1000), (100, 5, 1250, 990)  # both in two strips
    assert (box[2] - box[0]) * (box[3] - box[1]) > STRIP
    part = grey_picture(Picture(photo), (90, 128), box)
    assert part.tobytes() == grey_and_hashed(Picture(photo.crop(box)), (90, 128))[0].tobytes()
