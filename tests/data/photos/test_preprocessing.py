import subprocess
import sys

import pytest

from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import UserError


def test_pixel_key_holds_what_decides_pixels_and_nothing_else() -> None:
    base = Preprocessing(224, 256)
    assert base.pixel_key() == Preprocessing(224, 256, mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0)).pixel_key()
    others = [
        Preprocessing(192, 256),
        Preprocessing(224, 224),
        Preprocessing(224, 256, crop="squash"),
        Preprocessing(224, 256, interpolation="bilinear"),
        Preprocessing(224, 256, decode="full"),
    ]
    keys = [repr(one.pixel_key()) for one in [base, *others]]
    assert len(set(keys)) == len(keys)


def test_resize_does_not_matter_when_squashed() -> None:
    assert Preprocessing(224, 1, crop="squash").pixel_key() == Preprocessing(224, 999, crop="squash").pixel_key()


def test_pixel_key_names_the_decoders() -> None:
    decoders = Preprocessing(224, 224).pixel_key()["decoders"]
    assert isinstance(decoders, dict)
    assert set(decoders) == {"thawline", "pillow", "libjpeg_turbo", "webp", "torch", "torchvision"}
    assert all(decoders.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": "five"}, "crop='five' is not known; use one of center, squash"),
        ({"interpolation": "lanczos"}, "interpolation='lanczos' is not known; use one of bicubic, bilinear"),
        ({"decode": "ful"}, "decode='ful' is not known; use one of reduced, full"),
        ({"size": 0}, "size=0 px"),
        ({"resize": 200}, "resize=200 is smaller than size=224"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Preprocessing(**{"size": 224, "resize": 224} | settings)


def test_checking_a_folder_needs_no_torch() -> None:
    code = "import sys, thawline.data.photos.report; sys.exit(any(m in sys.modules for m in ('torch', 'torchvision')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
