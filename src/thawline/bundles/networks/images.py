"""timm's and torchvision's networks: their own state-dict, and timm's own config.json."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from thawline.bundles.bounds import check_fits
from thawline.bundles.manifest import CONFIG, MODEL
from thawline.bundles.shards import load_weights
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision import timm as timm_encoders
from thawline.encoders.vision import torchvision as torchvision_encoders
from thawline.encoders.vision.images import set_bn_eps
from thawline.encoders.vision.imported import timm
from thawline.files import read_json, write_json

# What a library's builder would read from elsewhere, or what is stated in a place of its own.
_KEYS = {"architecture", "num_classes", "label_names", "model_args", "bn_eps", "classifier"}
_TIMM_KEYS = {*_KEYS, "num_features", "pretrained_cfg"}
_CFG_KEYS = {
    *("architecture", "num_classes", "input_size", "fixed_input_size", "interpolation"),
    *("crop_pct", "crop_mode", "mean", "std", "classifier"),
}
_NOT_ARGUMENTS = re.compile(r"pretrained.*|checkpoint_path|cache_dir|weights.*|num_classes|features_only|scriptable")


class _Timm:
    """`timm.create_model("local-dir:…", pretrained=True)` loads it."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,
        labels: Sequence[str],
    ) -> bool:
        model: Any = encoder.model
        arguments = _arguments(settings, model)
        name = model.default_cfg.get("classifier")
        held = None
        if classifier is not None and isinstance(name, str):
            whole = timm.create_model(str(settings.model), pretrained=False, num_classes=len(labels), **arguments)
            set_bn_eps(whole, settings)
            held = _place(whole, encoder, classifier, name)
        _save_state(model, held, folder)
        write_json(folder / CONFIG, _timm_config(settings, encoder, arguments, labels, held))
        return held is not None

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        config = read_json(folder / CONFIG)
        # Anything else is a place on the network or on the disk, to timm.
        if not re.fullmatch(r"\w+(\.\w+)?", config["architecture"]) or not timm.is_model(config["architecture"]):
            raise ValueError(f"timm has no model '{config['architecture']}'")
        _check_keys(config, _TIMM_KEYS)
        _check_keys(config["pretrained_cfg"], _CFG_KEYS)
        settings = _read_settings("timm", config)
        check_fits(folder, lambda: timm_encoders.create_network(settings))
        model = timm_encoders.create_network(settings)
        classifier = _load_state(model, folder, config, classified=classified)
        return timm_encoders.cut_timm(model, preprocessing, settings), classifier


class _Torchvision:
    """`torchvision.models.get_model(architecture, num_classes=…)` takes the state-dict."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,
        labels: Sequence[str],
    ) -> bool:
        held = None
        if classifier is not None:
            whole = models.get_model(settings.model, weights=None, num_classes=len(labels), **settings.model_args)
            set_bn_eps(whole, settings)
            held = next(
                filter(None, (_place(whole, encoder, classifier, name) for name in ("fc", "classifier.1"))), None
            )
        _save_state(encoder.model, held, folder)
        write_json(folder / CONFIG, _config(settings, settings.model_args, labels, held))
        return held is not None

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        config = read_json(folder / CONFIG)
        _check_keys(config, _KEYS)
        settings = _read_settings("torchvision", config)
        check_fits(folder, lambda: torchvision_encoders.create_network(settings))
        model = torchvision_encoders.create_network(settings)  # from the list of those that are known
        classifier = _load_state(model, folder, config, classified=classified)
        return torchvision_encoders.cut_torchvision(model, preprocessing, settings), classifier


TIMM, TORCHVISION = _Timm(), _Torchvision()
_Held = tuple[str, nn.Linear]


@torch.no_grad()
def _place(whole: Any, encoder: Encoder, classifier: nn.Linear, name: str) -> _Held | None:
    """Where in the library's own classifying network `whole` the layer goes; None if its output is not the same."""
    state = {**encoder.model.state_dict(), f"{name}.weight": classifier.weight, f"{name}.bias": classifier.bias}
    try:
        whole.load_state_dict(state)
    except RuntimeError:  # another network around the features
        return None
    size = 0 if encoder.preprocessing is None else encoder.preprocessing.size
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 4 - 2
    wanted = classifier(encoder.model(images))
    same = torch.allclose(whole.eval()(images), wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))
    return (name, classifier) if same else None


def _arguments(settings: EncoderSettings, model: Any) -> dict[str, Any]:
    """What `timm.create_model` is given so that it makes the same network by itself."""
    arguments = dict(settings.model_args)
    known = timm.get_pretrained_cfg(str(settings.model))
    if settings.size and known is not None and known.fixed_input_size:
        arguments.setdefault("img_size", settings.size)
    if settings.bn_eps is not None and type(model) is timm.models.EfficientNet:
        arguments.setdefault("bn_eps", settings.bn_eps)
    return arguments


def _config(
    settings: EncoderSettings, arguments: Mapping[str, Any], labels: Sequence[str], held: _Held | None
) -> dict[str, Any]:
    return {
        "architecture": settings.model,
        "num_classes": len(labels) if held else 0,
        "label_names": list(labels),
        "model_args": dict(arguments),
        "bn_eps": settings.bn_eps,
        "classifier": held[0] if held else None,
    }


def _timm_config(
    settings: EncoderSettings,
    encoder: Encoder,
    arguments: Mapping[str, Any],
    labels: Sequence[str],
    held: _Held | None,
) -> dict[str, Any]:
    how = encoder.preprocessing
    if how is None:
        raise ValueError("an image encoder has a preprocessing")
    return {
        **_config(settings, arguments, labels, held),
        "num_features": encoder.dim,
        "pretrained_cfg": {
            "architecture": str(settings.model).partition(".")[0],
            "num_classes": len(labels) if held else 0,
            "input_size": [3, how.size, how.size],
            "fixed_input_size": "img_size" in arguments,
            "interpolation": how.interpolation,
            "crop_pct": how.size / how.resize,
            "crop_mode": how.crop,
            "mean": list(how.mean),
            "std": list(how.std),
            "classifier": held[0] if held else None,
        },
    }


def _save_state(model: nn.Module, held: _Held | None, folder: Path) -> None:
    state = dict(model.state_dict())
    if held:
        state |= {f"{held[0]}.weight": held[1].weight, f"{held[0]}.bias": held[1].bias}
    # Convolutions lie with the channels last, which the format does not know.
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    save_file(plain, folder / MODEL, metadata={"format": "pt"})


def _check_keys(config: Mapping[str, Any], keys: set[str]) -> None:
    if odd := sorted(keys ^ set(config)):
        raise ValueError(f"{CONFIG} should have exactly the settings that this program writes, but for '{odd[0]}'")


def _read_settings(family: str, config: Mapping[str, Any]) -> EncoderSettings:
    for name, value in config["model_args"].items():
        if _NOT_ARGUMENTS.fullmatch(name) or not _is_plain(value):
            raise ValueError(f"{CONFIG} gives the network '{name}', which no bundle does")
    arguments = dict(config["model_args"])
    if arguments.get("bn_eps") == config["bn_eps"]:
        arguments.pop("bn_eps", None)  # for timm alone: here it is a setting, and the network the one that was trained
    return EncoderSettings(
        family=family,
        name="bundle",
        model=config["architecture"],
        model_args=arguments,
        bn_eps=config["bn_eps"],
    )


def _is_plain(value: object) -> bool:
    """A number, a name (of an activation, say), or a list of such; nothing with a dot or a slash."""
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | float) or bool(re.fullmatch(r"\w*", str(value)))


def _load_state(model: nn.Module, folder: Path, config: Mapping[str, Any], *, classified: bool) -> nn.Linear | None:
    """Put the file's tensors into `model`, and those of the classifier into a layer of its own."""
    state = load_weights(folder)
    classifier = None
    if classified:
        name = config["classifier"]
        weight, bias = state.pop(f"{name}.weight"), state.pop(f"{name}.bias")
        classifier = nn.Linear(weight.shape[1], weight.shape[0]).requires_grad_(False)
        classifier.load_state_dict({"weight": weight, "bias": bias})
    model.load_state_dict(state)
    return classifier
