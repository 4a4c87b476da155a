"""DINOv2 and DINOv3 at every cut, against the library's own networks."""

import numpy as np
import pytest
import torch
from PIL import Image
from tests.encoders.conftest import SIDE, save_dino
from tests.encoders.test_cuts import KEY_BIAS, check_cuts
from transformers import AutoImageProcessor, AutoModel

from thawline.data.photos.photo import read_pixels
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError

KINDS = {
    "dinov2": ("dinov2", {}),
    "dinov2 giant": ("dinov2", {"use_swiglu_ffn": True}),  # another MLP
    "dinov3": ("dinov3", {}),
    "dinov3 7b": ("dinov3", {"use_gated_mlp": True}),
}
# Hidden patches stood for by it in the pretraining alone.
UNUSED = (*KEY_BIAS, "mask_token")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [None, 48])
def test_every_cut(kind, size, tmp_path, pixels, normalised):
    family, more = KINDS[kind]
    save_dino(tmp_path, family, **more)
    encoder = load(EncoderSettings(family=family, name=str(tmp_path), size=size))
    with torch.no_grad():
        entering = normalised(pixels(size or SIDE), encoder.preprocessing)
        whole = AutoModel.from_pretrained(tmp_path).eval()(entering).pooler_output
    borders = None if size is None else {"pixels", "block0"}
    check_cuts(encoder, {"pixels": pixels(size or SIDE)}, whole, borders, UNUSED)
    assert encoder.borders == ("pixels", "embedding", "block0", "block1", "block2", "features")
    assert [encoder.cut_for(k) for k in (1, 2, 3)] == [3, 2, 1]


@pytest.mark.parametrize("family", ["dinov2", "dinov3"])
def test_photos_are_prepared_as_the_processor_does(family, tmp_path, normalised):
    save_dino(tmp_path, family)
    preprocessing = load(EncoderSettings(family=family, name=str(tmp_path))).preprocessing
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (51, 40, 3), dtype=np.uint8))
    photo.save(tmp_path / "photo.png")
    ours = normalised(read_pixels(tmp_path / "photo.png", preprocessing)[None], preprocessing)
    wanted = AutoImageProcessor.from_pretrained(tmp_path)(images=[photo], return_tensors="pt")["pixel_values"]
    # DINOv3's own scales to 0..1 first, and so does not round what each direction's resizing gives to whole numbers.
    level = 1 / 255 / min(preprocessing.std)
    assert (ours - wanted).abs().max() <= (1e-5 if family == "dinov2" else level)
    assert (ours - wanted).abs().mean() <= 0.3 * level


def test_what_is_refused(tmp_path):
    save_dino(tmp_path, "dinov3")
    with pytest.raises(UserError, match=r"encoder\.size=30: .* has patches of 8 px; use 32"):
        load(EncoderSettings(family="dinov3", name=str(tmp_path), size=30))
    with pytest.raises(UserError, match="holds another model than DINOv2"):
        load(EncoderSettings(family="dinov2", name=str(tmp_path)))
