"""A frozen part that computes in bfloat16."""

import pytest
import torch

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.errors import UserError


def pair(clip_directory):
    settings = {"family": "clip", "name": str(clip_directory)}
    return load(EncoderSettings(**settings)), load(EncoderSettings(**settings, precision="bfloat16"))


def test_its_features_are_float32_and_near(clip_directory, pixels):
    exact, rounded = pair(clip_directory)
    given = {"pixels": pixels(32)}
    wanted = exact.image.prefix(len(exact.image.stages))(given)["features"]
    found = rounded.image.prefix(len(rounded.image.stages))(given)["features"]
    assert found.dtype == torch.float32
    error = ((found - wanted).norm() / wanted.norm()).item()
    assert 1e-4 < error < 0.03


def test_features_are_the_same_bits_by_way_of_every_border(clip_directory, pixels, make):
    networks = [pair(clip_directory)[1].image, make("test_efficientnet")[1], make("resnet18")[1]]
    for encoder in networks:
        encoder.precision = torch.bfloat16
        last = len(encoder.stages)
        size = encoder.preprocessing.size
        whole = encoder.prefix(last)({"pixels": pixels(size)})["features"]
        for cut in range(1, last):
            middle = encoder.prefix(cut)({"pixels": pixels(size)})
            assert all(tensor.dtype == torch.float32 for tensor in middle.values())
            assert torch.equal(encoder.prefix(last, cut)(middle)["features"], whole), encoder.borders[cut]


def test_texts_too(clip_directory, texts):
    exact, rounded = pair(clip_directory)
    tokens = exact.tokenize(texts)
    wanted, found = (towers.text.prefix(len(towers.text.stages))(tokens)["features"] for towers in (exact, rounded))
    assert not torch.equal(wanted, found)
    assert ((found - wanted).norm() / wanted.norm()).item() < 0.03


def test_a_tail_stays_float32(clip_directory, pixels):
    exact, rounded = pair(clip_directory)
    hidden = exact.image.prefix(3)({"pixels": pixels(32)})
    assert torch.equal(exact.image.tail(3)(hidden)["features"], rounded.image.tail(3)(hidden)["features"])


def test_the_key_says_so_but_for_pixels(clip_directory):
    exact, rounded = pair(clip_directory)
    assert exact.image.key(0) == rounded.image.key(0)
    for cut in range(1, len(exact.image.borders)):
        assert rounded.image.key(cut) == {**exact.image.key(cut), "precision": "torch.bfloat16"}
    assert "precision" not in load_clip(EncoderSettings(family="clip", name=str(clip_directory))).image.key(3)


def test_an_unknown_one_is_refused():
    with pytest.raises(UserError, match=r"encoder\.precision=float16 is not known; use float32 or bfloat16"):
        EncoderSettings(family="clip", name="x", precision="float16")
