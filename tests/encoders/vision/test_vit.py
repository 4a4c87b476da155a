"""Loading transformers' ViT: what a directory may hold, and what is refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTForImageClassification, ViTImageProcessor, ViTModel

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.vit import load_vit
from thawline.errors import UserError


@pytest.fixture
def directory(vit_directory, tmp_path):
    """A ViT that a test may spoil."""
    return shutil.copytree(vit_directory, tmp_path / "my ViT, été")


def load(directory, **given):
    return load_vit(EncoderSettings(family="vit", name=str(directory), **given))


def features(encoder, images):
    return encoder.prefix(len(encoder.stages))({"pixels": images})["features"]


def spoil(directory, change):
    state = load_file(directory / "model.safetensors")
    change(state)
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_a_classifiers_checkpoint_gives_its_backbone(make_vit, tmp_path, pixels, normalised):
    directory = make_vit(tmp_path / "classifier", ViTForImageClassification)
    encoder = load(directory)
    network = ViTForImageClassification.from_pretrained(directory).eval()
    with torch.no_grad():
        logits = network(normalised(pixels(32), encoder.preprocessing)).logits
        ours = network.classifier(features(encoder, pixels(32)))
    assert (ours - logits).abs().max() <= 1e-5
    assert not any(name.startswith(("classifier", "pooler")) for name in encoder.model.state_dict())


def test_the_labels_and_the_pooler_of_a_checkpoint_do_not_count(directory):
    before = load(directory).key(5)
    spoil(directory, lambda state: [state.pop(name) for name in list(state) if name.startswith("pooler.")])
    change(directory / "config.json", id2label={"0": "cat"}, label2id={"cat": 0}, architectures=["Another"])
    assert load(directory).key(5) == before
    change(directory / "config.json", layer_norm_eps=1e-6)
    assert load(directory).key(5) != before


def test_pixels_are_scaled_as_the_processor_does(directory, pixels, normalised):
    batch = pixels(32, 1)
    theirs = ViTImageProcessor.from_pretrained(directory)(images=list(batch), return_tensors="pt")["pixel_values"]
    assert (normalised(batch, load(directory).preprocessing) - theirs).abs().max() <= 1e-5


def test_preprocessing_of_the_directory_and_of_an_older_one(directory):
    ours = load(directory).preprocessing
    assert (ours.size, ours.crop, ours.interpolation) == (32, "squash", "bilinear")
    assert ours.mean == ours.std == (0.5, 0.5, 0.5)
    # Google's own files say no more than this.
    older = {"do_normalize": True, "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": 32}
    (directory / "preprocessor_config.json").write_text(json.dumps(older), encoding="utf-8")
    assert load(directory).preprocessing == ours


def test_settings_override_the_preprocessing(directory):
    ours = load(directory, interpolation="bicubic", mean=[0.1, 0.2, 0.3]).preprocessing
    assert (ours.size, ours.interpolation, ours.mean, ours.std) == (32, "bicubic", (0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    with pytest.raises(UserError, match=r"encoder.crop_pct: the photos of .*été are not cropped; leave it out"):
        load(directory, crop_pct=0.9)


def test_another_size_interpolates_the_positions_as_the_library_does(directory, pixels, normalised):
    encoder = load(directory, size=48)
    with torch.no_grad():
        whole = ViTModel.from_pretrained(directory)(
            normalised(pixels(48), encoder.preprocessing), interpolate_pos_encoding=True
        )
    assert (features(encoder, pixels(48)) - whole.last_hidden_state[:, 0]).abs().max() <= 1e-5
    with pytest.raises(UserError, match=r"encoder.size=4 is less than a patch"):
        load(directory, size=4)


def test_half_precision_on_disk_is_single_in_memory(directory):
    ViTModel.from_pretrained(directory).half().save_pretrained(directory)
    assert {parameter.dtype for parameter in load(directory).model.parameters()} == {torch.float32}


def test_loading_prints_nothing(directory, capfd):
    load(directory)
    assert capfd.readouterr() == ("", "")


def test_weights_that_are_not_the_configs_are_refused(directory):
    norm = load_file(directory / "model.safetensors")["layernorm.weight"]
    spoil(directory, lambda state: state.pop("layernorm.weight"))
    with pytest.raises(UserError, match=r"of another network than its config.json: they lack layernorm.weight"):
        load(directory)
    spoil(directory, lambda state: state.update({"layernorm.weight": torch.ones(5)}))
    with pytest.raises(UserError, match=r"layernorm.weight is \[5\] there, and should be \[24\]"):
        load(directory)
    spoil(directory, lambda state: state.update({"layernorm.weight": norm}))
    load(directory)
    # transformers would leave the last block out.
    change(directory / "config.json", num_hidden_layers=2)
    with pytest.raises(UserError, match=r"of another network than its config.json: it has no .*layer.*2\."):
        load(directory)


def test_a_damaged_file_and_another_model_are_refused(directory, clip_directory):
    (directory / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UserError, match="holds no ViT model that can be loaded"):
        load(directory)
    with pytest.raises(UserError, match=r"holds another model than ViT, says its config.json; mend encoder.name"):
        load(clip_directory)
    with pytest.raises(UserError, match=r"choose one .* or set encoder.name to a directory with a ViT"):
        EncoderSettings(family="vit", name="x", model="vit_base_patch16_224")
    with pytest.raises(UserError, match=r"encoder.family=dino is not known; use clip, .*, mel_cnn or descriptors"):
        EncoderSettings(family="dino", name="x")


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "holds neither model.safetensors nor pytorch_model.bin"),
        ("preprocessor_config.json", "has no preprocessor_config.json"),
    ],
)
def test_a_directory_that_lacks_a_file_is_refused(directory, missing, says):
    (directory / missing).unlink()
    with pytest.raises(UserError, match=says):
        load(directory)


def test_a_preprocessors_config_that_lacks_a_value_is_refused(directory):
    change(directory / "preprocessor_config.json", resample=None)
    with pytest.raises(UserError, match=r"resample=None is not supported; set encoder.interpolation"):
        load(directory)
    change(directory / "preprocessor_config.json", image_mean=None)
    with pytest.raises(UserError, match=r"the preprocessor's config in .* lacks image_mean; copy"):
        load(directory)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hidden_act": "snake"}, "KeyError 'snake'"),
        ({"patch_size": 0}, "ZeroDivisionError"),
        ({"hidden_size": -4}, "Expected"),
        (
            {"num_hidden_layers": 2.5},
            "'num_hidden_layers': TypeError: Field 'num_hidden_layers' expected int, got float",
        ),
    ],
)
def test_a_config_that_can_not_be_is_one_sentence(directory, values, says):
    change(directory / "config.json", **values)
    with pytest.raises(UserError, match="holds no ViT model that can be loaded: ") as caught:
        load(directory)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
