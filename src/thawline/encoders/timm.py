"""timm's networks as stages: ResNet, EfficientNet (MobileNet too) and ViT at every border, any other at its ends."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data.config import resolve_data_config
from timm.models import EfficientNet, ResNet, VisionTransformer
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import nn

from thawline.data.preprocessing import JSON, Preprocessing
from thawline.encoders.encoder import Encoder, Features, Normalise, Stage
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.weights import locate, safetensors_in
from thawline.errors import UserError


class Entry(Stage):
    """Normalises pixels, then runs the network's first modules."""

    def __init__(self, normalise: Normalise, first: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.first = first

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"hidden"}."""
        return {"hidden": self.first(_arranged(self.normalise(features["pixels"])))}


class Middle(Stage):
    """One block or stage."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}."""
        return {"hidden": self.block(_arranged(features["hidden"]))}


class Exit(Middle):
    """What follows the last block: norm, pooling."""

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"features"}."""
        return {"features": self.block(_arranged(features["hidden"]))}


class Whole(Stage):
    """A network of a family that is not listed, in one piece."""

    def __init__(self, normalise: Normalise, model: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.model = model

    def forward(self, features: Features) -> Features:
        """{"pixels"} to {"features"}."""
        return {"features": self.model(self.normalise(features["pixels"]))}


class ViTEmbedding(nn.Module):
    """A ViT's patches and positions. Holds only what it uses, so that the parameters above are not below as well."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.patch_embed, self.pos_drop, self.norm_pre = model.patch_embed, model.pos_drop, model.norm_pre
        self.patch_drop = model.patch_drop
        for name in ("cls_token", "reg_token", "pos_embed"):
            self.register_parameter(name, getattr(model, name))
        self.no_embed_class, self.num_prefix_tokens = model.no_embed_class, model.num_prefix_tokens
        self.dynamic_img_size = model.dynamic_img_size

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalised pixels to tokens [batch, tokens, width]."""
        # timm's own method, which reads only the attributes kept above.
        tokens = VisionTransformer._pos_embed(cast(Any, self), self.patch_embed(pixels))
        hidden: torch.Tensor = self.norm_pre(self.patch_drop(tokens))
        return hidden


class ViTPooling(nn.Module):
    """A ViT's last norm and its own pooling."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.norm, self.fc_norm, self.attn_pool = model.norm, model.fc_norm, model.attn_pool
        self.global_pool, self.num_prefix_tokens = model.global_pool, model.num_prefix_tokens
        self.pool_include_prefix = model.pool_include_prefix

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [batch, tokens, width] to [batch, width]."""
        pooled: torch.Tensor = self.fc_norm(VisionTransformer.pool(cast(Any, self), self.norm(tokens)))
        return pooled


def load_timm(settings: EncoderSettings) -> Encoder:
    """A timm network with its weights, on the CPU in single precision.

    Raises:
        UserError: The architecture is unknown, or the weights are absent or of another network.
    """
    path = Path(settings.weights).expanduser() if settings.weights else safetensors_in(locate(settings))
    model = _create(settings)
    _load_weights(model, path, settings)
    return cut_timm(model, load_preprocessing(model, settings), settings)


def cut_timm(model: Any, preprocessing: Preprocessing, settings: EncoderSettings) -> Encoder:
    """`model`, created with `num_classes=0`, as stages."""
    normalise = Normalise(preprocessing)
    family, entry, blocks, names, end = _parts(model)
    if end is None:
        stages: list[Stage] = [Whole(normalise, model)]
    else:
        stages = [Entry(normalise, entry), *(Middle(block) for block in blocks), Exit(end)]
        names = ["embedding", *names]
    if convolutional := type(model) in (ResNet, EfficientNet):
        # 1.3 to 1.9 times as fast on the CPU.
        model.to(memory_format=torch.channels_last)
    architecture: dict[str, JSON] = {
        "model": settings.model,
        "model_args": {str(k): str(v) for k, v in settings.model_args.items()},
        "bn_eps": settings.bn_eps,
        "channels_last": convolutional,
        "versions": {"timm": timm.__version__, "torch": torch.__version__},
    }
    return Encoder(
        family=f"timm:{family}",
        modality="image",
        model=model,
        stages=stages,
        borders=["pixels", *names, "features"],
        dim=_width(model.eval(), preprocessing, settings),
        blocks=len(blocks),
        architecture=architecture,
        preprocessing=preprocessing,
        licence=settings.licence,
    )


def load_preprocessing(model: Any, settings: EncoderSettings) -> Preprocessing:
    """The checkpoint's own preprocessing, with what the settings override.

    Raises:
        UserError: The checkpoint wants what photos are not prepared with here, or another size than the network's.
    """
    config: dict[str, Any] = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    built_for = getattr(getattr(model, "patch_embed", None), "img_size", None)
    size = settings.size or int((built_for or config["input_size"][1:])[0])
    if built_for is not None and built_for[0] != size:
        raise UserError(f"{settings.model} is built for {built_for[0]} px, not {size}; set encoder.size={built_for[0]}")
    mean, std = settings.mean or config["mean"], settings.std or config["std"]
    return Preprocessing(
        size=size,
        resize=math.floor(size / (settings.crop_pct or config["crop_pct"])),
        crop=config["crop_mode"],
        interpolation=settings.interpolation or config["interpolation"],
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
    )


def _arranged(images: torch.Tensor) -> torch.Tensor:
    """Images with the channels last, as the weights of convolutional networks lie; tokens as they are.

    What comes out of the store is arranged the usual way. With this it gives the same bits as what was not stored.
    """
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images


def _parts(model: Any) -> tuple[str, nn.Module, Sequence[nn.Module], list[str], nn.Module | None]:
    """Family, what comes first, the blocks, names of the borders above each, what comes last (None: not listed)."""
    kind = type(model)  # exactly: a subclass may compute something else
    if kind is ResNet:
        first = nn.Sequential(model.conv1, model.bn1, model.act1, model.maxpool)
        blocks = [model.layer1, model.layer2, model.layer3, model.layer4]
        return "resnet", first, blocks, [f"layer{i}" for i in range(1, 5)], model.global_pool
    if kind is EfficientNet:
        first = nn.Sequential(model.conv_stem, model.bn1)
        end = nn.Sequential(model.conv_head, model.bn2, model.global_pool)
        return "efficientnet", first, list(model.blocks), [f"blocks.{i}" for i in range(len(model.blocks))], end
    if kind is VisionTransformer:
        blocks = list(model.blocks)
        names = [f"blocks.{i}" for i in range(len(blocks))]
        return "vision_transformer", ViTEmbedding(model), blocks, names, ViTPooling(model)
    return kind.__name__.lower(), nn.Identity(), [], [], None


def _width(model: nn.Module, preprocessing: Preprocessing, settings: EncoderSettings) -> int:
    """Width of what the network gives for an image; timm's own attributes don't tell it for every network."""
    with torch.no_grad():
        out = model(torch.zeros(1, 3, preprocessing.size, preprocessing.size))
    if not isinstance(out, torch.Tensor) or out.ndim != 2:
        raise UserError(f"timm's {settings.model} gives no single vector for an image; choose another encoder.model")
    return int(out.shape[1])


def _create(settings: EncoderSettings) -> nn.Module:
    name, given = str(settings.model), dict(settings.model_args)
    config = timm.get_pretrained_cfg(name)
    if settings.size and config is not None and config.fixed_input_size:
        given.setdefault("img_size", settings.size)
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **given)
    except RuntimeError as error:
        raise UserError(f"timm has no model '{name}' ({error}); 'timm.list_models()' lists them") from error
    except TypeError as error:
        raise UserError(f"timm's {name} does not take encoder.model_args as given: {error}") from error
    for module in model.modules():
        if settings.bn_eps is not None and isinstance(module, nn.BatchNorm2d):
            module.eps = settings.bn_eps
    return model.float()


def _load_weights(model: nn.Module, path: Path, settings: EncoderSettings) -> None:
    try:
        state = load_file(path)
    except FileNotFoundError as error:
        raise UserError(f"there is no file of weights {path}; mend encoder.weights") from error
    except (SafetensorError, OSError) as error:
        raise UserError(f"the weights {path} can't be read as safetensors ({error})") from error
    if type(model) is VisionTransformer:
        # Interpolates the positions where the network is built for another size than the weights.
        state = checkpoint_filter_fn(state, model)
    own = model.state_dict()
    # The classifier of the pretraining is not needed.
    classifier = str(getattr(model, "default_cfg", {}).get("classifier", "classifier"))
    state = {k: v for k, v in state.items() if k in own or not k.startswith(f"{classifier}.")}
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, tensor)
        elif name not in state:
            raise UserError(f"the weights {path} are of another network than {settings.model}: they have no {name}")
        elif state[name].shape != tensor.shape:
            raise UserError(
                f"the weights {path} are of another network: {name} is {list(state[name].shape)} there and "
                f"{list(tensor.shape)} in {settings.model}; choose the encoder that fits (mobilenetv2_035, say)"
            )
    if surplus := sorted(set(state) - set(own)):
        raise UserError(f"the weights {path} are of another network than {settings.model}: it has no {surplus[0]}")
    model.load_state_dict(state)
