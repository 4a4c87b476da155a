"""SigLIP at every cut, against the library's own network, and as a matcher."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tests.bundles.conftest import FACTS
from tests.bundles.conftest import photos as pictures  # noqa: F401  # a fixture
from tests.encoders.conftest import SIDE, make_siglip_tokenizer
from tests.encoders.test_cuts import KEY_BIAS, check_cuts
from transformers import SiglipImageProcessor, SiglipModel

import thawline
from thawline.bundles.write import Extras, write_bundle
from thawline.data.photos.photo import read_pixels
from thawline.decisions.temperature import Temperature
from thawline.decisions.threshold import Threshold
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings, Gift
from thawline.errors import UserError
from thawline.tasks.match.bundle.write import TunedPairs


def settings_of(directory, **given):
    return EncoderSettings(family="siglip", name=str(directory), **given)


@pytest.fixture
def theirs(siglip_directory):
    return SiglipModel.from_pretrained(siglip_directory).eval()


def test_every_cut_of_the_image_tower(siglip_directory, theirs, pixels, normalised):
    image = load(settings_of(siglip_directory)).image
    with torch.no_grad():
        whole = theirs.get_image_features(normalised(pixels(SIDE), image.preprocessing)).pooler_output
    check_cuts(image, {"pixels": pixels(SIDE)}, whole, unused=KEY_BIAS)
    assert image.borders == ("pixels", "embedding", "block0", "block1", "block2", "pooled", "features")
    assert [image.cut_for(k) for k in (1, 2, 3, "projection", "head")] == [3, 2, 1, 5, 6]


def test_every_cut_of_the_text_tower(siglip_directory, theirs, texts):
    towers = load(settings_of(siglip_directory))
    upper = [text.upper() for text in texts]
    tokens = towers.tokenize(upper)
    own = make_siglip_tokenizer()(upper, padding="max_length", max_length=16, truncation=True, return_tensors="pt")
    assert torch.equal(tokens["input_ids"], own["input_ids"])  # lower case, and filled up to the network's length
    with torch.no_grad():
        whole = theirs.get_text_features(input_ids=own["input_ids"]).pooler_output
    check_cuts(towers.text, tokens, whole, unused=KEY_BIAS)
    assert towers.text.dim == towers.image.dim
    assert towers.logit_scale == pytest.approx(math.exp(2.0))
    assert Gift.TEXT in settings_of(siglip_directory).gifts


def test_a_tower_has_nothing_of_the_other(siglip_directory, theirs):
    towers = load(settings_of(siglip_directory))
    for encoder, own in ((towers.image, "vision_model."), (towers.text, "text_model.")):
        wanted = {name for name, _ in theirs.named_parameters() if name.startswith(own)}
        assert {encoder.names(0)[name] for name, _ in encoder.tail(0).named_parameters()} == wanted


def test_photos_are_prepared_as_the_processor_does(siglip_directory, tmp_path, normalised):
    preprocessing = load(settings_of(siglip_directory)).image.preprocessing
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 41, 3), dtype=np.uint8))
    photo.save(tmp_path / "photo.png")
    ours = normalised(read_pixels(tmp_path / "photo.png", preprocessing)[None], preprocessing)
    wanted = SiglipImageProcessor.from_pretrained(siglip_directory)(images=[photo], return_tensors="pt")["pixel_values"]
    assert (ours - wanted).abs().max() <= 1e-5


def test_another_size_interpolates_the_positions(siglip_directory, theirs, pixels, normalised):
    image = load(settings_of(siglip_directory, size=48)).image
    with torch.no_grad():
        entering = normalised(pixels(48), image.preprocessing)
        whole = theirs.get_image_features(entering, interpolate_pos_encoding=True).pooler_output
    assert (image.prefix(image.end)({"pixels": pixels(48)})["features"] - whole).abs().max() <= 1e-5


def test_a_matchers_bundle_is_a_siglip_whose_sigmoid_is_the_probability(siglip_directory, pictures, tmp_path):  # noqa: F811
    towers = load(settings_of(siglip_directory), fresh=True)
    torch.manual_seed(1)
    tails = []
    for tower in (towers.image, towers.text):
        tail = tower.tail(cut := tower.cut_for("projection"))
        with torch.no_grad():
            for parameter in tail.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        tails.append((cut, tail.state_dict()))
    fitted = Threshold(0.4, "f1", 0.8), Temperature(2.0, "inner", 10, (0.5, 0.4))
    tuned = TunedPairs("match", settings_of(siglip_directory), "full", tails, 7.5, -1.5, *fitted)
    write_bundle(tmp_path / "bundle", tuned, Extras((), 1e-5, FACTS))
    matcher, model = thawline.load(tmp_path / "bundle", device="cpu"), SiglipModel.from_pretrained(tmp_path / "bundle")
    how = matcher.preprocessing
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (how.mean, how.std))
    for path, text in zip(pictures[:3], ("A Cake", "snow", "people"), strict=True):
        tokens = matcher.towers.text.tokenize([text])["input_ids"]
        pixels = ((matcher.pixels(path) / 255 - mean) / std)[None]
        with torch.no_grad():
            wanted = torch.sigmoid(model.eval()(input_ids=tokens, pixel_values=pixels).logits_per_image)
        assert matcher.detect_mismatch(path, text)["probability"] == pytest.approx(float(wanted), abs=1e-5)
    assert "`SiglipModel.from_pretrained(DIR)` loads" in (tmp_path / "bundle" / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("config.json", {"model_type": "siglip2"}, "holds another model than SigLIP of one resolution"),
        ("config.json", {"vision_config.vision_use_head": False}, "has no pooling of its own"),
        ("tokenizer.json", None, r"has no tokenizer\.json"),
    ],
)
def test_what_is_refused(siglip_directory, tmp_path, name, change, says):
    copy = shutil.copytree(siglip_directory, tmp_path / "copy")
    if change is None:
        (copy / name).unlink()
    else:
        values = json.loads((copy / name).read_text())
        for key, value in change.items():
            outer, _, inner = key.rpartition(".")
            (values[outer] if outer else values)[inner] = value
        (copy / name).write_text(json.dumps(values))
    with pytest.raises(UserError, match=says):
        load(settings_of(copy))
