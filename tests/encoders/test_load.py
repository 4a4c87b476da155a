"""The encoders that a process keeps."""

import os
import shutil

import pytest
import timm
import torch
from safetensors.torch import save_file

from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError


def write(path, seed=0):
    torch.manual_seed(seed)
    network = timm.create_model("test_resnet", pretrained=False, num_classes=0)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "test_resnet.safetensors"
    write(path)
    return path


def settings(path, **given):
    return EncoderSettings(family="timm", name="x", model="test_resnet", weights=str(path), **given)


def test_the_same_settings_give_the_same_network(path):
    first = load(settings(path))
    assert load(settings(path)) is first
    assert load(settings(path.parent)) is not first, "settings are compared as they are written"
    assert load(settings(path, mean=[0.1, 0.2, 0.3])) is not first


def test_a_file_that_was_written_since_is_read_again(path):
    first = load(settings(path))
    stat = path.stat()
    write(path, seed=1)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    second = load(settings(path))
    assert second is not first
    assert second.key(3) != first.key(3)
    assert load(settings(path)) is second
    path.unlink()
    with pytest.raises(UserError, match="there is no file of weights"):
        load(settings(path))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "preprocessor_config.json"])
def test_any_file_of_a_directory_counts(vit_directory, tmp_path, file):
    directory = shutil.copytree(vit_directory, tmp_path / "vit")
    first = load(EncoderSettings(family="vit", name=str(directory)))
    assert load(EncoderSettings(family="vit", name=str(directory))) is first
    os.utime(directory / file, ns=(0, 0))
    assert load(EncoderSettings(family="vit", name=str(directory))) is not first


def test_a_relative_path_means_another_file_elsewhere(path, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(path, elsewhere / path.name)
    monkeypatch.chdir(path.parent)
    first = load(settings(path.name))
    monkeypatch.chdir(elsewhere)
    assert load(settings(path.name)) is not first


def test_the_last_two_are_kept(path, clip_directory):
    resnet, clip = settings(path), EncoderSettings(family="clip", name=str(clip_directory))
    first, towers = load(resnet), load(clip)
    assert load(resnet) is first
    assert load(clip) is towers
    assert load(resnet) is first  # asked for last
    load(settings(path, size=96))
    assert load(resnet) is first
    assert load(clip) is not towers


def test_a_fresh_one_is_nobody_elses(path):
    shared = load(settings(path))
    fresh = load(settings(path), fresh=True)
    assert fresh is not shared
    assert load(settings(path)) is shared
    before = shared.key(6)
    tail = fresh.tail(3)
    with torch.no_grad():
        for parameter in tail.parameters():
            parameter.add_(1)
    fresh.load_tail(3, tail.state_dict())
    assert shared.key(6) == before != fresh.key(6)


def test_using_a_shared_network_does_not_change_it(path, pixels):
    encoder = load(settings(path))
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    features = encoder.prefix(3).train()({"pixels": pixels(160)})
    tail = encoder.tail(3, batch_norm=True).train()
    optimiser = torch.optim.SGD(tail.parameters(), lr=0.1)
    tail(features)["features"].sum().backward()
    optimiser.step()
    again = load(settings(path))
    assert all(torch.equal(tensor, before[name]) for name, tensor in again.model.state_dict().items())
    assert not any(module.training for module in again.model.modules())
    assert not any(parameter.requires_grad for parameter in again.model.parameters())
