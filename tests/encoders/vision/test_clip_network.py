"""CLIP's network without transformers, against that library's own, to the bit."""

import json
import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.clip import load_clip
from thawline.encoders.vision.clip_config import ClipConfig
from thawline.encoders.vision.clip_network import load_network, read_network
from thawline.errors import UserError


@pytest.fixture
def directory(clip_directory, tmp_path):
    """A CLIP that a test may spoil."""
    return shutil.copytree(clip_directory, tmp_path / "clip")


def change(directory, side=None, **values):
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    (config if side is None else config[f"{side}_config"]).update(values)
    path.write_text(json.dumps(config), encoding="utf-8")


def load(directory, **given):
    return load_clip(EncoderSettings(family="clip", name=str(directory), **given))


def check(directory, pixels, texts, size=32):
    """Features and gradients are those of transformers."""
    theirs, towers = CLIPModel.from_pretrained(directory).eval(), load(directory, size=size)
    tokens = towers.tokenize(texts)
    assert set(tokens["attention_mask"].flatten().tolist()) == {0, 1}
    image, text = towers.image.tail(0), towers.text.tail(0)
    standardised = image.stages[0].normalise(pixels(size))
    seen = theirs.get_image_features(standardised, interpolate_pos_encoding=size != 32).pooler_output
    read = theirs.get_text_features(**tokens).pooler_output
    for ours, out, wanted in (
        (image, image({"pixels": pixels(size)})["features"], seen),
        (text, text(tokens)["features"], read),
    ):
        encoder = towers.image if ours is image else towers.text
        whole = encoder.prefix(encoder.end)({"pixels": pixels(size)} if ours is image else tokens)["features"]
        assert torch.equal(whole, wanted)  # the tail computes one token of the last block, which rounds in another way
        assert (out - wanted).abs().max() <= 1e-5
        for features in (out, wanted):
            (features * torch.linspace(-1, 1, features.numel()).view_as(features)).sum().backward()
        gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
        for name, parameter in ours.named_parameters():
            assert (parameter.grad - gradients[encoder.names(0)[name]]).abs().max() <= 1e-4, name


def test_features_and_gradients_are_the_librarys(clip_directory, old_clip_directory, pixels, texts):
    check(clip_directory, pixels, texts)
    check(old_clip_directory, pixels, texts)
    check(clip_directory, pixels, texts, size=48)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_activations_are_the_librarys(directory, activation, pixels, texts):
    for side in ("vision", "text"):
        change(directory, side, hidden_act=activation)
    check(directory, pixels, texts)


def test_a_tower_that_is_stated_twice_is_read_as_the_library_does(directory, pixels, texts):
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    change(directory, text_config_dict=config["text_config"], vision_config_dict=config["vision_config"])
    for side in ("vision", "text"):
        change(directory, side, num_hidden_layers=2)
    check(directory, pixels, texts)


def test_what_a_config_leaves_out_is_as_in_the_library():
    ours, theirs = ClipConfig.of({"model_type": "clip"}), CLIPConfig().to_dict()
    assert ours == ClipConfig.of(theirs) == ClipConfig()
    assert theirs["projection_dim"] == ours.projection_dim
    for side in ("vision", "text"):
        own = vars(getattr(ours, side))
        assert {name: theirs[f"{side}_config"][name] for name in own} == own


def test_positions_of_older_checkpoints_are_left_out(directory, pixels, texts):
    state = load_file(directory / "model.safetensors")
    state["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    state["text_model.embeddings.position_ids"] = torch.arange(40)[None]
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    assert read_network(directory) is not None
    check(directory, pixels, texts)


def test_weights_under_other_names_are_left_to_the_library(directory, pixels, texts):
    state = load_file(directory / "model.safetensors")
    named = {f"clip.{name}": tensor for name, tensor in state.items()}
    save_file(named, directory / "model.safetensors", metadata={"format": "pt"})
    assert read_network(directory) is None
    check(directory, pixels, texts)


def test_a_network_keeps_nothing_of_its_file(directory):
    network = load_network(directory)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    file = directory / "model.safetensors"
    with file.open("r+b") as opened:  # in place, as a copy over it would be
        opened.seek(file.stat().st_size // 2)
        opened.write(b"\0" * (file.stat().st_size // 2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hidden_act": "snake"}, "config.json has 'hidden_act' as snake"),
        ({"patch_size": 0}, "config.json has 'patch_size' as 0"),
        ({"image_size": [32, 32]}, r"config.json has 'image_size' as \[32, 32\]"),
        ({"num_attention_heads": 5}, "config.json has 5 heads over 24 numbers"),
        ({"layer_norm_eps": "tiny"}, "config.json has 'layer_norm_eps' as tiny"),
        ({"hidden_size": 12 * 2**60}, "holds no CLIP model that can be loaded"),
        ({"num_hidden_layers": 4}, "they lack vision_model.encoder.layers.3"),
        ({"num_hidden_layers": 2}, r"it has no vision_model.encoder.layers.2"),
    ],
)
def test_a_config_that_can_not_be_is_one_sentence(directory, values, says):
    change(directory, "vision", **values)
    with pytest.raises(UserError, match=says) as caught:
        load_network(directory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", [[], None, {}, {"weight_map": []}, {"weight_map": {"logit_scale": 3}}])
def test_an_index_that_is_none_is_one_sentence(directory, index):
    (directory / "model.safetensors").unlink()
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(UserError, match="holds no CLIP model that can be loaded"):
        load_network(directory)


def test_a_text_may_end_in_the_token_0(directory):
    change(directory, "text", eos_token_id=0)
    assert load_network(directory).config.text.eos_token_id == 0


def test_the_library_is_imported_for_texts_alone(directory, texts, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
        monkeypatch.delitem(sys.modules, name)
    towers = load(directory)
    assert "transformers" not in sys.modules
    assert towers.image.dim == 12
