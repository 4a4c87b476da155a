"""Loading timm's networks: preprocessing, and weights that fit or don't."""

import math

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_model_data_config

from thawline.data.photos.photo import read_photo
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.timm import load_timm
from thawline.errors import UserError


def settings(model="test_resnet", **given):
    return EncoderSettings(family="timm", **{"name": "not/here", "model": model, **given})


def save(path, model="test_resnet", **given):
    torch.manual_seed(0)
    network = timm.create_model(model, pretrained=False, **given)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return network.eval()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_a_file_with_a_classifier_loads_without_it(path, pixels, normalised):
    save(path)
    encoder = load_timm(settings(weights=str(path)))
    network = timm.create_model("test_resnet", pretrained=False)
    network.load_state_dict(load_file(path))
    network.reset_classifier(0)
    with torch.no_grad():
        whole = network.eval()(normalised(pixels(160), encoder.preprocessing))
    ours = encoder.prefix(len(encoder.stages))({"pixels": pixels(160)})["features"]
    assert (ours - whole).abs().max() <= 1e-5


def test_both_classifiers_of_a_distilled_network_are_not_needed(path):
    network = save(path, "deit_tiny_distilled_patch16_224")
    assert {"head.weight", "head_dist.weight"} <= set(network.state_dict())
    assert load_timm(settings("deit_tiny_distilled_patch16_224", weights=str(path))).dim == 192


def test_half_precision_on_disk_is_single_in_memory(path):
    network = save(path, num_classes=0)
    save_file(network.half().state_dict(), path)
    assert {parameter.dtype for parameter in load_timm(settings(weights=str(path))).model.parameters()} == {
        torch.float32
    }


def test_a_directory_and_a_home_path(path, tmp_path, monkeypatch):
    save(tmp_path / "model.safetensors", num_classes=0)
    save(path, num_classes=0)
    monkeypatch.setenv("HOME", str(tmp_path))
    in_directory = load_timm(settings(name=str(tmp_path)))
    in_file = load_timm(settings(weights="~/weights.safetensors"))
    assert in_directory.key(6) == in_file.key(6)


def test_weights_of_another_width(path):
    save(path, "mobilenetv2_035", num_classes=0)
    said = r"of another network: conv_stem.weight is \[16, 3, 3, 3\] there and \[32, 3, 3, 3\] in mobilenetv2_100"
    with pytest.raises(UserError, match=said):
        load_timm(settings("mobilenetv2_100", weights=str(path)))


def test_weights_of_another_family(path):
    save(path, "test_vit", num_classes=0)
    with pytest.raises(UserError, match=r"of another network than test_resnet: they have no conv1\.0\.weight"):
        load_timm(settings(weights=str(path)))


def test_weights_that_have_more(path):
    network = save(path, num_classes=0)
    save_file({**network.state_dict(), "extra.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"of another network than test_resnet: it has no extra\.weight"):
        load_timm(settings(weights=str(path)))


def test_no_file_and_a_file_of_something_else(path):
    with pytest.raises(UserError, match=r"there is no file of weights .*; mend encoder.weights"):
        load_timm(settings(weights=str(path)))
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="can't be read as safetensors"):
        load_timm(settings(weights=str(path)))


def test_an_unknown_architecture_and_unknown_arguments(path):
    save(path)
    with pytest.raises(UserError, match="timm has no model 'resnet51'"):
        load_timm(settings("resnet51", weights=str(path)))
    with pytest.raises(UserError, match=r"does not take encoder.model_args as given: .*colour"):
        load_timm(settings(weights=str(path), model_args={"colour": 1}))
    with pytest.raises(UserError, match=r"encoder.family=timm needs encoder.model"):
        EncoderSettings(family="timm", name="x")


def test_a_network_that_does_not_pool(path):
    save(path, num_classes=0)
    with pytest.raises(UserError, match="test_resnet gives no single vector for an image"):
        load_timm(settings(weights=str(path), model_args={"global_pool": ""}))


@pytest.mark.parametrize("name", ["resnet50.a1_in1k", "efficientnet_b0.ra_in1k", "test_vit", "test_vit2"])
def test_preprocessing_is_the_checkpoints(name, path):
    network = save(path, name, num_classes=0)
    theirs = create_transform(**resolve_model_data_config(network))
    resize, crop, _, scale = theirs.transforms
    ours = load_timm(settings(name, weights=str(path))).preprocessing
    assert (ours.resize, ours.size) == (resize.size, crop.size[0])
    assert ours.interpolation == resize.interpolation.value
    assert torch.equal(torch.tensor(ours.mean), scale.mean)
    assert torch.equal(torch.tensor(ours.std), scale.std)


def test_settings_override_the_preprocessing(path):
    save(path, num_classes=0)
    given = {"size": 100, "crop_pct": 0.9, "interpolation": "bilinear", "mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0]}
    ours = load_timm(settings(weights=str(path), **given)).preprocessing
    assert (ours.size, ours.resize, ours.interpolation) == (100, math.floor(100 / 0.9), "bilinear")
    assert (ours.mean, ours.std) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))


def test_a_vit_at_another_size_interpolates_its_positions(path, pixels):
    save(path, "test_vit", num_classes=0)
    encoder = load_timm(settings("test_vit", weights=str(path), size=96))
    assert encoder.model.pos_embed.shape == (1, 1 + (96 // 16) ** 2, 64)
    features = encoder.prefix(len(encoder.stages))({"pixels": pixels(96)})["features"]
    assert features.shape == (2, 64)
    with pytest.raises(UserError, match=r"test_vit is built for 96 px, not 128; set encoder.size=96"):
        load_timm(settings("test_vit", weights=str(path), size=128, model_args={"img_size": 96}))


def test_bn_eps_is_that_of_every_batchnorm(path):
    save(path, "mobilenetv2_035", num_classes=0)
    encoder = load_timm(settings("mobilenetv2_035", weights=str(path), bn_eps=1e-3))
    norms = [module for module in encoder.model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 52
    assert {norm.eps for norm in norms} == {1e-3}


def test_real_weights_on_real_photos(shared_data):
    weights = shared_data / "weights" / "mobilenetv2_035_backbone_timm.safetensors"
    half = [0.5, 0.5, 0.5]
    given = {"model_args": {"pad_type": "same"}, "bn_eps": 1e-3, "size": 224, "mean": half, "std": half}
    encoder = load_timm(settings("mobilenetv2_035", weights=str(weights), **given))
    folders = [shared_data / "events" / name for name in ("beach", "christmas", "family", "halloween")]
    photos = [path for folder in folders for path in sorted(folder.iterdir())[:12]]
    batch = torch.stack([read_photo(path, encoder.preprocessing)[1] for path in photos])
    features = torch.cat(
        [encoder.prefix(len(encoder.stages))({"pixels": part})["features"] for part in batch.split(16)]
    )

    # The library's own network, in its own memory layout.
    network = timm.create_model("mobilenetv2_035", pretrained=False, num_classes=0, pad_type="same", bn_eps=1e-3).eval()
    network.load_state_dict(load_file(weights))
    with torch.no_grad():
        whole = network((batch[:16] / 255 - 0.5) / 0.5)
    assert (features[:16] - whole).abs().max() <= 1e-5

    # Each photo's nearest neighbour is of its class far more often than the quarter that chance gives.
    centred = torch.nn.functional.normalize(features - features.mean(dim=0), dim=1)
    nearest = (centred @ centred.T).fill_diagonal_(-1).argmax(dim=1)
    assert (nearest // 12 == torch.arange(48) // 12).float().mean() >= 0.75
