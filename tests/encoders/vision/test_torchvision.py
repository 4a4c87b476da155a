"""Loading torchvision's networks: preprocessing, and weights that fit or don't."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from torchvision import models

from thawline.data.photos.photo import read_photo
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.torchvision import cut_torchvision, load_torchvision
from thawline.errors import UserError


def settings(model="squeezenet1_1", **given):
    return EncoderSettings(family="torchvision", **{"name": "not/here", "model": model, **given})


def save(path, model="squeezenet1_1", **given):
    torch.manual_seed(0)
    network = models.get_model(model, weights=None, **given)
    save_file(network.state_dict(), path)
    return network.eval()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_a_directory_holds_one_too(tmp_path, path):
    save(tmp_path / "model.safetensors")
    save(path)
    assert load_torchvision(settings(name=str(tmp_path))).key(5) == load_torchvision(settings(weights=str(path))).key(5)


def test_the_classifier_may_be_missing_or_another(path):
    network = save(path, num_classes=7)
    widths = [load_torchvision(settings(weights=str(path))).dim]
    backbone = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("classifier.")}
    save_file(backbone, path)
    encoder = load_torchvision(settings(weights=str(path)))
    assert [*widths, encoder.dim] == [512, 512]
    assert torch.equal(encoder.model.features[0].weight, network.features[0].weight)
    assert set(encoder.model.state_dict()) == set(backbone)


def test_half_precision_on_disk_is_single_in_memory(path):
    save_file(save(path).half().state_dict(), path)
    parameters = list(load_torchvision(settings(weights=str(path))).model.parameters())
    assert {parameter.dtype for parameter in parameters} == {torch.float32}


@pytest.mark.parametrize("name", ["squeezenet1_0", "resnet50", "efficientnet_b0", "efficientnet_v2_s", "mobilenet_v2"])
def test_preprocessing_is_torchvisions(name, path):
    save(path, name)
    theirs = models.get_model_weights(name).DEFAULT.transforms()
    ours = load_torchvision(settings(name, weights=str(path))).preprocessing
    assert (ours.size, ours.resize, ours.crop) == (theirs.crop_size[0], theirs.resize_size[0], "center")
    assert ours.interpolation == theirs.interpolation.value
    assert (list(ours.mean), list(ours.std)) == (theirs.mean, theirs.std)


def test_settings_override_the_preprocessing(path):
    save(path)
    given = {"size": 100, "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0]}
    ours = load_torchvision(settings(weights=str(path), **given)).preprocessing
    assert (ours.size, ours.resize, ours.interpolation) == (100, 114, "bicubic"), "resized in the usual proportion"
    assert (ours.mean, ours.std) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    assert load_torchvision(settings(weights=str(path), crop_pct=0.5)).preprocessing.resize == 448


def test_other_networks_are_refused_without_being_made(monkeypatch, tmp_path):
    # Some of torchvision's builders fetch the weights of a backbone though they are asked for none.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("vgg16", "fcn_resnet50", "resnet51", "ResNet18", "vit_b_16"):
        said = f"encoder.model={name} is no network of torchvision's that is known here; there is efficientnet_b0, eff"
        with pytest.raises(UserError, match=f"{said}.* squeezenet1_1, .*and encoder.family=timm has many more"):
            load_torchvision(settings(name, weights="/nowhere"))
    assert not any(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"torchvision's VGG can't be cut; use one of ResNet, SqueezeNet, .*=timm"):
        cut_torchvision(models.vgg11(weights=None), Preprocessing(size=64, resize=64), settings())


def test_arguments_that_torchvision_does_not_take(path):
    with pytest.raises(UserError, match=r"squeezenet1_1 does not take encoder.model_args as given: .*colour"):
        load_torchvision(settings(weights=str(path), model_args={"colour": 1}))
    for given in ([True], [True, True, True]):
        with pytest.raises(UserError, match=r"resnet18 does not take encoder.model_args as given"):
            load_torchvision(settings("resnet18", model_args={"replace_stride_with_dilation": given}))
    with pytest.raises(UserError, match=r"encoder.family=torchvision needs encoder.model, torchvision's name"):
        EncoderSettings(family="torchvision", name="x")


def test_weights_of_another_network(path):
    save(path, "squeezenet1_0")
    said = r"of another network: features.0.weight is \[96, 3, 7, 7\] there and \[64, 3, 3, 3\] in squeezenet1_1"
    with pytest.raises(UserError, match=said):
        load_torchvision(settings(weights=str(path)))
    with pytest.raises(UserError, match=r"of another network than resnet18: they have no conv1\.weight"):
        load_torchvision(settings("resnet18", weights=str(path)))
    with pytest.raises(UserError, match=r"there is no file of weights .*; mend encoder.weights"):
        load_torchvision(settings(weights=f"{path}.gone"))


def test_bn_eps_is_that_of_every_batchnorm(path):
    save(path, "resnet18")
    encoder = load_torchvision(settings("resnet18", weights=str(path), bn_eps=1e-3))
    norms = [module for module in encoder.model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == 20
    assert {norm.eps for norm in norms} == {1e-3}
    assert encoder.key(3) != load_torchvision(settings("resnet18", weights=str(path))).key(3)


def test_real_weights_on_real_photos(shared_data):
    weights = shared_data / "weights" / "squeezenet1_0_torchvision.safetensors"
    encoder = load_torchvision(settings("squeezenet1_0", weights=str(weights)))
    folders = [shared_data / "events" / name for name in ("beach", "christmas", "family", "halloween")]
    photos = [path for folder in folders for path in sorted(folder.iterdir())[:12]]
    batch = torch.stack([read_photo(path, encoder.preprocessing)[1] for path in photos])
    features = torch.cat(
        [encoder.prefix(len(encoder.stages))({"pixels": part})["features"] for part in batch.split(16)]
    )

    # The library's own network, in its own memory layout, and its own preset's scaling.
    network = models.get_model("squeezenet1_0", weights=None).eval()
    network.load_state_dict(load_file(weights))
    preset = models.get_model_weights("squeezenet1_0").DEFAULT.transforms(crop_size=224, resize_size=224)
    with torch.no_grad():
        whole = network.features(torch.stack([preset(pixels) for pixels in batch[:16]])).mean(dim=(2, 3))
    assert (features[:16] - whole).abs().max() <= 1e-5 * whole.abs().max()

    # Each photo's nearest neighbour is of its class far more often than the quarter that chance gives.
    centred = F.normalize(features - features.mean(dim=0), dim=1)
    nearest = (centred @ centred.T).fill_diagonal_(-1).argmax(dim=1)
    assert (nearest // 12 == torch.arange(48) // 12).float().mean() >= 0.75
