"""Frozen networks of every family on a GPU that is not there: PyTorch's fake tensors know a shape, a type and a device.

An operation on two devices, or a tensor that a network makes on the CPU, ends them as it would end a real one.
"""

import pytest
import torch
from tests.encoders import hearers
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from thawline.encoders.encoder import FrozenPrefix
from thawline.encoders.load import load, load_text
from thawline.encoders.settings import EncoderSettings

TIMM = ["test_efficientnet", "test_vit2"]


def leaving_a_gpu(prefix: FrozenPrefix, entering: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    with FakeTensorMode() as mode:
        own = [*prefix.named_parameters(), *prefix.named_buffers()]
        weights = {name: mode.from_tensor(tensor).to("cuda") for name, tensor in own}
        given = {name: mode.from_tensor(tensor).to("cuda") for name, tensor in entering.items()}
        return functional_call(prefix, weights, (given,))


def check(encoder, entering):
    leaving = leaving_a_gpu(encoder.prefix(len(encoder.stages)), entering)
    assert {tensor.device.type for tensor in leaving.values()} == {"cuda"}
    assert leaving["features"].shape == (len(next(iter(entering.values()))), encoder.dim)
    assert leaving["features"].dtype == torch.float32


@pytest.mark.parametrize("name", TIMM)
def test_timms(name, make, pixels):
    check(make(name)[1], {"pixels": pixels(64)})


def test_transformers(clip_directory, vit_directory, pixels, texts):
    clip = load(EncoderSettings(family="clip", name=str(clip_directory)))
    check(clip.image, {"pixels": pixels(32)})
    check(clip.text, clip.tokenize(texts))
    check(load(EncoderSettings(family="vit", name=str(vit_directory))), {"pixels": pixels(32)})


@pytest.mark.parametrize("variant", ["ast", "hubert"])
def test_those_that_hear(variant, tmp_path):
    family, _ = hearers.VARIANTS[variant]
    network = str(hearers.save(tmp_path / "network", variant))
    encoder = load(EncoderSettings(family=family, name=network, seconds=0.5), fresh=True)
    rows = [encoder.hearing.front(waveform) for waveform in hearers.sounds(encoder.hearing.windowing.samples)]
    check(encoder, {name: torch.stack([row[name] for row in rows]) for name in rows[0]})


def test_a_text_encoder_from_scratch():
    args = {"width": 16, "layers": 2, "heads": 2, "buckets": 50, "longest": 8}
    towers = load_text(EncoderSettings(family="scratch", name="scratch", model_args=args))
    check(towers.text, towers.tokenize(["a red mug", "blue shoes"]))


def test_a_network_that_mixes_devices_is_found(vit_directory, pixels):
    encoder = load(EncoderSettings(family="vit", name=str(vit_directory)), fresh=True)
    encoder.stages[-1].register_forward_hook(lambda *given: {"features": given[2]["features"] + torch.ones(24)})
    with pytest.raises(RuntimeError, match="device"):
        check(encoder, {"pixels": pixels(32)})
