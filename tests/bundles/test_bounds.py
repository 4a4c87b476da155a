"""Bundles with a fitting manifest and with numbers that lead nowhere: refused before memory is taken for them."""

import json
import math
import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.bundles.conftest import Kind
from tests.bundles.test_manifest import change, copy, reseal  # noqa: F401  # a fixture

import thawline
from thawline.bundles.bounds import check_bounds, check_windows
from thawline.errors import UserError

CLIP = Kind("clip", "prompts", "projection")
VIT = Kind("vit", "linear", 2)
MLP = Kind("vit", "mlp", "all")
TIMM = Kind("timm:vit_tiny_patch16_224", "linear", 2)
TORCHVISION = Kind("torchvision:mobilenet_v2", "linear", "all")


def deep(config, **values):
    """`values` wherever `config` or a part of it has the key."""
    return {
        key: deep(value, **values) if isinstance(value, dict) and key not in values else values.get(key, value)
        for key, value in config.items()
    }


def rewritten(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(deep(json.loads(path.read_text()), **values)))
    reseal(folder)
    return folder


def refused(folder, reason):
    started = time.monotonic()
    with pytest.raises(UserError) as caught:
        thawline.load(folder, device="cpu")
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"the bundle {folder} is not used: ")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        (
            CLIP,
            {"num_hidden_layers": 10**9},
            "config.json has 'text_config.num_hidden_layers' as 1,000,000,000, more than",
        ),
        (CLIP, {"hidden_size": 10**7}, "config.json has 'text_config.hidden_size' as 10,000,000, more than 65,536"),
        (
            CLIP,
            {"hidden_size": 48_000, "intermediate_size": 60_000},
            "config.json is of another network than the weights",
        ),
        (VIT, {"num_hidden_layers": 10**9}, "config.json has 'num_hidden_layers' as 1,000,000,000, more than"),
        (VIT, {"hidden_size": 60_000}, "config.json is of a network of"),
        (TIMM, {"depth": 10**9}, "config.json has 'model_args.depth' as 1,000,000,000, more than"),
        (TIMM, {"embed_dim": 60_000}, "config.json is of a network of"),
        (TORCHVISION, {"model_args": {"width_mult": 300.0}}, "config.json is of a network of"),
        (TORCHVISION, {"model_args": {"width_mult": math.nan}}, "config.json has 'model_args.width_mult' as nan"),
        (TORCHVISION, {"bn_eps": math.inf}, "config.json has 'bn_eps' as inf"),
    ],
)
def test_a_network_that_its_weights_do_not_fill(copy, kind, values, reason):  # noqa: F811
    refused(rewritten(copy(kind), "config.json", **values), reason)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"size": 10**6, "resize": 10**6}, "preprocessing.json has 'size' as 1,000,000, more than 65,536"),
        ({"size": 3000, "resize": 3000}, "preprocessing.json has pictures of 3,000 pixels, and 2048 is the most"),
        ({"resize": 9000}, "preprocessing.json has pictures of 9,000 pixels"),
    ],
)
def test_pictures_that_no_network_takes(copy, values, reason):  # noqa: F811
    refused(rewritten(copy(VIT), "preprocessing.json", **values), reason)


@pytest.mark.parametrize(
    ("kind", "name"), [(CLIP, "model.safetensors"), (CLIP, "classes.safetensors"), (MLP, "head.safetensors")]
)
def test_weights_that_are_no_numbers(copy, kind, name):  # noqa: F811
    folder = copy(kind)
    state = load_file(folder / name)
    next(tensor for tensor in state.values() if tensor.is_floating_point() and tensor.ndim).view(-1)[-1] = math.nan
    save_file(state, folder / name, metadata={"format": "pt"})
    reseal(folder)
    refused(folder, f"{name} holds what is no number, in ")


def test_what_does_not_go_together_is_said_when_it_is_asked(copy, photos):  # noqa: F811
    def asked(folder):
        with pytest.raises(UserError) as caught:
            list(thawline.load(folder, device="cpu").predict(photos[:1]))
        return str(caught.value)

    folder = copy(MLP)
    state = load_file(folder / "head.safetensors")
    save_file(
        {name: tensor * (1e38 if "layers" in name else 1) for name, tensor in state.items()},
        folder / "head.safetensors",
    )
    reseal(folder)
    assert "can't be asked: its network gives no numbers" in asked(folder)
    folder = copy(VIT)
    change(folder / "decision.json", labels=["a", "b"])
    reseal(folder)
    assert "its network tells 3 classes apart, and it names 2" in asked(folder)


def test_pictures_that_are_not_the_network_s(copy):  # noqa: F811
    refused(rewritten(copy(TIMM), "preprocessing.json", size=128, resize=128), "Input height (128) doesn't match")


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_a_temperature_that_is_none(copy, value):  # noqa: F811
    folder = copy(CLIP)
    change(folder / "decision.json", temperature={"value": value})
    reseal(folder)
    refused(folder, "temperature")


def test_every_sound_bundle_is_within_its_bounds(write):
    for kind in (CLIP, VIT, MLP, TIMM, TORCHVISION):
        folder, _ = write(kind)
        check_bounds(folder, json.loads((folder / "manifest.json").read_text())["files"])


def test_windows_of_sound(tmp_path):
    check_windows({"seconds": 30.0, "hop": None, "windows": 3})
    check_windows({"seconds": None, "hop": 0.5, "windows": None})
    for heard in ({"seconds": 10**9, "hop": None}, {"seconds": 10.0, "hop": 1e-6}):
        with pytest.raises(ValueError, match="window"):
            check_windows(heard)


def test_a_tree_may_have_a_leaf_that_nothing_exceeds(tmp_path):
    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors")
    for value, sound in ((math.inf, True), (math.nan, False)):
        save_file({"threshold": torch.tensor([value])}, tmp_path / "head.safetensors")
        files = {"head.safetensors": {}, "model.safetensors": {}}
        if sound:
            check_bounds(tmp_path, files)
        else:
            with pytest.raises(ValueError, match=r"head\.safetensors holds what is no number, in threshold"):
                check_bounds(tmp_path, files)
