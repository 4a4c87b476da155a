"""CLIPs in open_clip's format as two encoders: its own towers, and timm's networks as the tower for photos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import open_clip
import torch
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from safetensors import SafetensorError
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.directory import read_json
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.text.open_clip import (
    check_vocabulary,
    load_open_clip_tokenizer,
    projected,
    text_stages,
    tokenizer_key,
    tokenizing,
    without_logging,
)
from thawline.encoders.towers import ClipTowers, PooledMlp
from thawline.encoders.vision.images import Entry, Exit, Middle, Whole
from thawline.encoders.vision.imported import timm
from thawline.encoders.vision.timm import LatentPooling, ends_in_mlp, timm_parts
from thawline.encoders.weights import locate, weights_in
from thawline.errors import UserError
from thawline.files import JSON

CONFIG = "open_clip_config.json"


class Embedding(Stage):
    """Pixels to the tokens of open_clip's own ViT."""

    class_embedding: nn.Parameter
    positional_embedding: nn.Parameter

    def __init__(self, normalise: Normalise, visual: VisionTransformer) -> None:
        """Hold only what it uses, so that the parameters above are not below as well."""
        super().__init__()
        self.normalise, self.conv1, self.ln_pre = normalise, visual.conv1, visual.ln_pre
        self.patch_dropout = visual.patch_dropout
        for name in ("class_embedding", "positional_embedding"):
            self.register_parameter(name, getattr(visual, name))

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}."""
        # The library's own method, which reads only the attributes kept above.
        return {"hidden": VisionTransformer._embeds(cast(Any, self), self.normalise(features["pixels"]))}


class Pooling(Stage):
    """The last norm and the pooling of open_clip's own ViT: the class token, or the mean of the others."""

    _global_pool = VisionTransformer._global_pool

    def __init__(self, visual: VisionTransformer) -> None:
        """Hold only what it uses."""
        super().__init__()
        self.ln_post, self.pool_type, self.attn_pool = visual.ln_post, visual.pool_type, None
        self.final_ln_after_pool = visual.final_ln_after_pool

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"pooled"}."""
        return {"pooled": VisionTransformer._pool(cast(Any, self), features["hidden"])[0]}


class Pooled(Stage):
    """What a stage gives as {"features"}, which a projection follows here, as {"pooled"}."""

    def __init__(self, stage: Stage) -> None:
        """Take it."""
        super().__init__()
        self.stage = stage

    def forward(self, features: Features) -> Features:
        """What enters the stage to {"pooled"}."""
        return {"pooled": self.stage(features)["features"]}


@dataclass(frozen=True)
class Tower:
    """A tower for photos as stages.

    Attributes:
        stages: In order.
        borders: Their names, one more.
        blocks: How many of them `thaw` counts.
        projection: Whether the last one is a projection.
    """

    stages: list[Stage]
    borders: list[str]
    blocks: int
    projection: bool


def load_open_clip(settings: EncoderSettings) -> ClipTowers:
    """A CLIP in open_clip's format with its tokenizer and its preprocessing, on the CPU in single precision.

    Raises:
        UserError: The weights are not on this machine, or it is of a kind that is not read.
    """
    directory = locate(settings)
    config = read_config(directory)
    weights_in(directory, settings)
    model = load_model(directory, settings.size)
    preprocessing = load_preprocessing(model, settings)
    return cut_open_clip(model, directory, config, preprocessing, settings.licence)


def read_config(directory: Path) -> dict[str, Any]:
    """`model_cfg` of the config in `directory`.

    Raises:
        UserError: There is none, or it is of a model that is not read, or that would fetch something.
    """
    if not (directory / CONFIG).exists():
        raise UserError(f"{directory} has no {CONFIG}, so it holds no CLIP in open_clip's format; mend encoder.name")
    config = read_json(directory, CONFIG).get("model_cfg")
    parts = [config.get(name) for name in ("vision_cfg", "text_cfg")] if isinstance(config, dict) else [None]
    if not isinstance(config, dict) or not all(isinstance(part, dict) for part in parts):
        raise UserError(f"{directory / CONFIG} names no model_cfg with vision_cfg and text_cfg; copy the model's own")
    vision, text = config["vision_cfg"], config["text_cfg"]
    # transformers' towers, and timm's networks by address, are built from files that the library would fetch.
    other = "a text tower of transformers'" if text.get("hf_model_name") else ""
    if "multimodal_cfg" in config or text.get("embed_cls") or text.get("pool_type") == "none":
        other = other or "a decoder, or the text tower for one (CoCa)"
    if other:
        raise UserError(f"{directory / CONFIG}: a CLIP with {other} is not read; choose one with CLIP's or SigLIP's")
    if ":" in str(vision.get("timm_model_name") or ""):
        raise UserError(f"{directory / CONFIG}: timm_model_name={vision['timm_model_name']} is no name of timm's")
    # Others draw at random, or read further files.
    if odd := set(text.get("tokenizer_kwargs") or {}) - {"clean", "strip_sep_token", "language"}:
        raise UserError(f"{directory / CONFIG}: a tokenizer with {min(odd)} is not used; choose another encoder")
    return config


def load_model(directory: Path, size: int | None = None) -> Any:
    """The model in `directory` by open_clip's own factory, with its weights.

    Args:
        directory: With a config that `read_config` took, and weights as safetensors.
        size: Side of the input, px; None: the config's.

    Raises:
        UserError: The files are damaged, or the weights are not those of the config.
    """
    try:
        with without_logging():
            model: Any = open_clip.create_model(f"local-dir:{directory}", force_image_size=size)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, AssertionError, SafetensorError) as error:
        reason = " ".join((str(error).strip() or type(error).__name__).split())
        raise UserError(f"{directory} holds no model that open_clip can load: {reason[:300]}") from error
    return model.float().eval()


def build_model(directory: Path, device: str = "cpu") -> Any:
    """The model that the config in `directory` describes, which `read_config` took, with random weights."""
    with without_logging():
        return open_clip.create_model(f"local-dir:{directory}", load_weights=False, device=device).eval()


def load_preprocessing(model: Any, settings: EncoderSettings) -> Preprocessing:
    """How open_clip prepares photos for `model`, with what the settings override.

    Raises:
        UserError: The model wants what photos are not prepared with here.
    """
    values = open_clip.get_model_preprocess_cfg(model)
    mode, size = values.get("resize_mode") or "shortest", _side(values["size"])
    if mode not in ("shortest", "squash"):
        raise UserError(
            f"{settings.name} wants resize_mode={mode}, borders around the photo, which photos are not given here; "
            "choose an encoder with shortest or squash"
        )
    if settings.crop_pct and mode == "squash":
        raise UserError(f"encoder.crop_pct: the photos of {settings.name} are not cropped; leave it out")
    mean, std = (list(values[name]) for name in ("mean", "std"))
    mean, std = settings.mean or mean, settings.std or std
    return Preprocessing(
        size=size,
        resize=round(size / (settings.crop_pct or 1)),
        crop="center" if mode == "shortest" else "squash",
        # What the library calls random, among several when it trains, is bicubic otherwise.
        interpolation=settings.interpolation or ("bilinear" if values["interpolation"] == "bilinear" else "bicubic"),
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
    )


def cut_open_clip(
    model: Any, directory: Path, config: dict[str, Any], preprocessing: Preprocessing, licence: str | None = None
) -> ClipTowers:
    """Both towers of `model`, which lies in `directory` with its tokenizer, as stages.

    Raises:
        UserError: A tower, or the tokenizer, is of a kind that is not read.
    """
    stages, blocks = text_stages(model)
    text = getattr(model, "text", model)
    tokenizer = load_open_clip_tokenizer(directory, config["text_cfg"])
    check_vocabulary(tokenizer, text.token_embedding.num_embeddings)
    image = cut_open_clip_vision(model, config, preprocessing, licence)
    words = Encoder(
        family="open_clip",
        modality="text",
        model=model,
        stages=stages,
        borders=["tokens", "embedding", *(f"block{i}" for i in range(blocks)), "pooled", "features"],
        dim=image.dim,
        blocks=blocks,
        projection=text.text_projection is not None,
        architecture=_architecture(config, "text_cfg"),
        entry=tokenizer_key(tokenizer, config["text_cfg"]),
        licence=licence,
    )
    return ClipTowers(image, words, tokenizing(tokenizer, model), float(model.logit_scale.detach().exp()))


def cut_open_clip_vision(
    model: Any, config: dict[str, Any], preprocessing: Preprocessing, licence: str | None = None
) -> Encoder:
    """The tower for photos of `model`."""
    tower = _tower(model.visual, Normalise(preprocessing))
    return Encoder(
        family="open_clip",
        modality="image",
        model=model,
        stages=tower.stages,
        borders=tower.borders,
        dim=int(config["embed_dim"]),
        blocks=tower.blocks,
        projection=tower.projection,
        architecture=_architecture(config, "vision_cfg"),
        preprocessing=preprocessing,
        licence=licence,
    )


def _tower(visual: Any, normalise: Normalise) -> Tower:
    if type(visual) is TimmModel:
        return _timm_tower(visual, normalise)
    if type(visual) is not VisionTransformer or visual.attn_pool is not None:
        return Tower([Whole(normalise, visual)], ["pixels", "features"], 0, projection=False)
    blocks = [Middle(block) for block in visual.transformer.resblocks]
    return Tower(
        [Embedding(normalise, visual), *blocks, Pooling(visual), projected(visual.proj)],
        ["pixels", "embedding", *(f"block{i}" for i in range(len(blocks))), "pooled", "features"],
        len(blocks),
        projection=True,
    )


def _timm_tower(visual: Any, normalise: Normalise) -> Tower:
    """A network of timm's, cut as it is elsewhere, and what open_clip puts behind it."""
    trunk = visual.trunk
    parts = timm_parts(trunk)
    if parts.convolutional:
        trunk.to(memory_format=torch.channels_last)  # as where timm's networks stand alone
    if parts.last is None:
        stages: list[Stage] = [Whole(normalise, trunk)]
        borders = ["pixels"]
        within = True
    else:
        stages = [Entry(normalise, parts.first), *map(Middle, parts.blocks), Exit(parts.last, None)]
        borders = ["pixels", "embedding", *parts.borders]
        within = any(module is trunk.get_classifier() for module in parts.last.modules())
    # The network's own classifier may be the projection.
    matrices = [] if within or isinstance(trunk.get_classifier(), nn.Identity) else [trunk.get_classifier()]
    matrices += [visual.head] if len(visual.head) else []
    if matrices:
        last = projected(matrices[0] if len(matrices) == 1 else nn.Sequential(*matrices))
        stages = [*stages[:-1], Pooled(stages[-1]), last]
    elif ends_in_mlp(trunk):
        last = PooledMlp(trunk.attn_pool.norm, trunk.attn_pool.mlp)
        stages = [*stages[:-1], Pooled(Exit(LatentPooling(trunk), None)), last]
    projection = len(stages) > len(borders)
    borders += ["pooled", "features"] if projection else ["features"]
    return Tower(stages, borders, len(parts.blocks), projection=projection)


def _architecture(config: dict[str, Any], part: str) -> dict[str, JSON]:
    """What besides the weights decides a tower's arithmetic."""
    plain = {name: value for name, value in config.items() if name not in ("vision_cfg", "text_cfg")}
    versions = {"open_clip": open_clip.__version__, "timm": timm.__version__, "torch": torch.__version__}
    return {"config": {**plain, part: config[part]}, "versions": versions}


def _side(size: Any) -> int:
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise UserError(f"this CLIP takes photos of {height} x {width} px, and here they are squares; choose another")
    return int(height)
