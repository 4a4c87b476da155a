"""ViT as transformers' own class loads it, and what the library's networks share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModel,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTModel,
)

from thawline.bundles.bounds import check_fits
from thawline.bundles.manifest import CONFIG
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.transformers import load_model, quiet
from thawline.encoders.vision.vit import cut_vit
from thawline.files import read_json, write_json

_RESAMPLE = {"bilinear": 2, "bicubic": 3}  # as Pillow counts them


class _Vit:
    """`ViTForImageClassification`, or `ViTModel` below a head that is not linear."""

    def save(
        self,
        folder: Path,
        settings: EncoderSettings,
        encoder: Encoder,
        classifier: nn.Linear | None,
        labels: Sequence[str],
    ) -> bool:
        model: Any = encoder.model
        if classifier is not None:
            model.config.num_labels = len(labels)
            whole: Any = ViTForImageClassification(model.config)
            whole.vit.load_state_dict(model.state_dict())
            whole.classifier.load_state_dict(classifier.state_dict())
            model = whole
        save_model(model, ViTConfig(), labels if classifier is not None else (), folder)
        processor: Any = ViTImageProcessor(**processing(encoder))
        processor.save_pretrained(folder)
        return classifier is not None

    def load(
        self, folder: Path, preprocessing: Preprocessing, labels: Sequence[str], *, classified: bool
    ) -> tuple[Encoder, nn.Linear | None]:
        check_config(folder, "vit", ViTConfig())
        settings = EncoderSettings(family="vit", name=str(folder))
        if not classified:
            return cut_vit(load_model(ViTModel, folder, "ViT", add_pooling_layer=False), preprocessing, settings), None
        model = load_model(ViTForImageClassification, folder, "ViT").requires_grad_(False)
        return cut_vit(model.vit, preprocessing, settings), model.classifier


VIT = _Vit()


def save_model(model: Any, usual: Any, labels: Sequence[str], folder: Path) -> None:
    """Write a model of transformers' with its labels; of its config only what `usual`, its class's own, has.

    A network whose classifier lies elsewhere has no labels: with some, `pipeline` would answer from random weights.
    """
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    with torch.no_grad(), quiet():
        model.save_pretrained(folder)
    # Older checkpoints' configs carry dozens of settings that their classes don't read.
    kept = _known(read_json(folder / CONFIG), usual.to_dict())
    write_json(folder / CONFIG, {name: value for name, value in kept.items() if name != "_name_or_path"})


def _known(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """What of `values` the class's own config has."""
    allowed = {*usual, "model_type"}
    return {
        name: _known(value, usual[name]) if name in ("text_config", "vision_config") else value
        for name, value in values.items()
        if name in allowed
    }


def check_config(folder: Path, model_type: str, usual: Any) -> None:
    """Refuse a config that has anything but its class's own settings, since some of the library's others name code.

    So is one of a larger network than the weights are of.
    """
    config = read_json(folder / CONFIG)
    if config["model_type"] != model_type:
        raise ValueError(f"{CONFIG} is of a '{config['model_type']}', not of a '{model_type}'")
    if config != _known(config, usual.to_dict()):
        raise ValueError(f"{CONFIG} has settings that no {type(usual).__name__} has")
    create: Any = AutoModel  # its methods have no types
    check_fits(folder, lambda: create.from_config(type(usual).from_dict(config)))


def processing(encoder: Encoder) -> dict[str, Any]:
    """What transformers' processor is told, so that it prepares photos as they are prepared here."""
    how = encoder.preprocessing
    if how is None:
        raise ValueError("an image encoder has a preprocessing")
    square = {"height": how.size, "width": how.size}
    cropped = how.crop == "center"
    return {
        "do_resize": True,
        "size": {"shortest_edge": how.resize} if cropped else square,
        "do_center_crop": cropped,
        "crop_size": square,
        "resample": _RESAMPLE[how.interpolation],
        "image_mean": list(how.mean),
        "image_std": list(how.std),
    }
