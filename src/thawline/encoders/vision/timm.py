"""timm's networks as stages: ResNet, EfficientNet, MobileNet, ConvNeXt and ViT at every border, others at the ends."""

import math
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder
from thawline.encoders.first_tokens import SelfAttention
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.images import Parts, cut_parts, set_bn_eps
from thawline.encoders.vision.imported import timm
from thawline.encoders.vision.state import State, load_weights
from thawline.encoders.weights import weights_file
from thawline.errors import UserError

layers = timm.layers
models = timm.models


class ViTEmbedding(nn.Module):
    """A ViT's patches and positions. Holds only what it uses, so that the parameters above are not below as well."""

    def __init__(self, model: models.VisionTransformer) -> None:
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
        tokens = models.VisionTransformer._pos_embed(cast(Any, self), self.patch_embed(pixels))
        hidden: torch.Tensor = self.norm_pre(self.patch_drop(tokens))
        return hidden


class ViTPooling(nn.Module):
    """A ViT's last norm and its own pooling."""

    def __init__(self, model: models.VisionTransformer) -> None:
        super().__init__()
        self.norm, self.fc_norm, self.attn_pool = model.norm, model.fc_norm, model.attn_pool
        self.global_pool, self.num_prefix_tokens = model.global_pool, model.num_prefix_tokens
        self.pool_include_prefix = model.pool_include_prefix

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [batch, tokens, width] to [batch, width]."""
        pooled: torch.Tensor = self.fc_norm(models.VisionTransformer.pool(cast(Any, self), self.norm(tokens)))
        return pooled


class LatentPooling(nn.Module):
    """A ViT's last norm and what its learned query takes from all tokens, before the MLP that follows."""

    def __init__(self, model: models.VisionTransformer) -> None:
        """Hold only what it uses."""
        super().__init__()
        pool: Any = model.attn_pool
        self.norm, self.q, self.kv, self.proj, self.proj_drop = model.norm, pool.q, pool.kv, pool.proj, pool.proj_drop
        self.q_norm, self.k_norm, self.mlp = pool.q_norm, pool.k_norm, None
        for name in ("latent", "pos_embed"):
            self.register_parameter(name, getattr(pool, name))
        self.latent_len, self.num_heads, self.head_dim = pool.latent_len, pool.num_heads, pool.head_dim
        self.fused_attn, self.scale, self.pool = pool.fused_attn, pool.scale, pool.pool
        self._skipped = 0 if model.pool_include_prefix else model.num_prefix_tokens

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [batch, tokens, width] to [batch, width]."""
        # timm's own method, which reads only the attributes kept above.
        pooled: torch.Tensor = layers.attention_pool.AttentionPoolLatent.forward(
            cast(Any, self), self.norm(tokens)[:, self._skipped :]
        )
        return pooled


def ends_in_mlp(model: Any) -> bool:
    """Whether a ViT of timm's is pooled by one learned query and an MLP, and nothing else follows, as SigLIP's is."""
    pool = getattr(model, "attn_pool", None)
    return (
        type(model) is models.VisionTransformer
        and type(pool) is layers.attention_pool.AttentionPoolLatent
        and pool.mlp is not None
        and pool.pool == "token"
        and isinstance(model.fc_norm, nn.Identity)
    )


def load_timm(settings: EncoderSettings) -> Encoder:
    """A timm network with its weights, on the CPU in single precision.

    Raises:
        UserError: The architecture is unknown, or the weights are absent or of another network.
    """
    path = weights_file(settings)
    model = create_network(settings)
    _load_weights(model, path, settings)
    return cut_timm(model, load_preprocessing(model, settings), settings)


def cut_timm(model: Any, preprocessing: Preprocessing, settings: EncoderSettings) -> Encoder:
    """`model`, created with `num_classes=0`, as stages.

    Raises:
        UserError: It gives no single vector for an image.
    """
    return cut_parts(model, timm_parts(model), preprocessing, settings, {"timm": timm.__version__})


def load_preprocessing(model: Any, settings: EncoderSettings) -> Preprocessing:
    """The checkpoint's own preprocessing, with what the settings override.

    Raises:
        UserError: The checkpoint wants what photos are not prepared with here, or another size than the network's.
    """
    config: dict[str, Any] = timm.data.config.resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
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


def timm_parts(model: Any) -> Parts:
    """The parts of a network of timm's in the order in which they run, without its classifier where that is apart."""
    kind = type(model)  # exactly: a subclass may compute something else
    if kind is models.ResNet:
        return Parts(
            family="timm:resnet",
            first=nn.Sequential(model.conv1, model.bn1, model.act1, model.maxpool),
            blocks=[model.layer1, model.layer2, model.layer3, model.layer4],
            borders=[f"layer{i}" for i in range(1, 5)],
            last=model.global_pool,
            convolutional=True,
        )
    if kind is models.EfficientNet:
        return Parts(
            family="timm:efficientnet",
            first=nn.Sequential(model.conv_stem, model.bn1),
            blocks=list(model.blocks),
            borders=[f"blocks.{i}" for i in range(len(model.blocks))],
            last=nn.Sequential(model.conv_head, model.bn2, model.global_pool),
            convolutional=True,
        )
    if kind is models.MobileNetV3:  # the fourth version too
        return Parts(
            family="timm:mobilenetv3",
            first=nn.Sequential(model.conv_stem, model.bn1),
            blocks=list(model.blocks),
            borders=[f"blocks.{i}" for i in range(len(model.blocks))],
            last=nn.Sequential(model.global_pool, model.conv_head, model.norm_head, model.act2, model.flatten),
            convolutional=True,
        )
    if kind is models.ConvNeXt:
        return Parts(
            family="timm:convnext",
            first=model.stem,
            blocks=list(model.stages),
            borders=[f"stages.{i}" for i in range(len(model.stages))],
            last=nn.Sequential(model.norm_pre, model.head),
            convolutional=True,
        )
    if kind is models.VisionTransformer:
        return Parts(
            family="timm:vision_transformer",
            first=ViTEmbedding(model),
            blocks=list(model.blocks),
            borders=[f"blocks.{i}" for i in range(len(model.blocks))],
            last=ViTPooling(model),
            convolutional=False,
            tokens=1 if model.global_pool == "token" and model.attn_pool is None else None,
            first_tokens=_first_tokens,
        )
    return Parts(f"timm:{kind.__name__.lower()}", nn.Identity(), [], [], None, convolutional=False)


def _first_tokens(block: Any, hidden: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` tokens that leave `block`, which has no dropout now; all where it is of an uncommon kind."""
    attention = getattr(block, "attn", None)
    if (
        type(block) is not models.vision_transformer.Block
        or type(attention) is not layers.attention.Attention
        or not _plain(attention)
    ):
        every: torch.Tensor = block(hidden)
        return every
    bias = attention.qkv.bias
    biases = (None, None, None) if bias is None else bias.chunk(3)
    query, key, value = zip(attention.qkv.weight.chunk(3), biases, strict=True)
    attended = SelfAttention(query, key, value, dim=attention.head_dim, scale=attention.scale).first(
        block.norm1(hidden), count
    )
    hidden = hidden[:, :count] + block.ls1(attention.proj(attended))
    leaving: torch.Tensor = hidden + block.ls2(block.mlp(block.norm2(hidden)))
    return leaving


def _plain(attention: Any) -> bool:
    """Whether nothing stands between the projections and the products: no norms, no gate."""
    norms = (attention.q_norm, attention.k_norm, attention.norm)
    return attention.gate is None and all(isinstance(norm, nn.Identity) for norm in norms)


def create_network(settings: EncoderSettings) -> nn.Module:
    """The network that `settings` name, without its classifier, with random weights.

    Raises:
        UserError: The architecture is unknown.
    """
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
    set_bn_eps(model, settings)
    return model.float()


def _load_weights(model: nn.Module, path: Path, settings: EncoderSettings) -> None:
    named = getattr(model, "default_cfg", {}).get("classifier") or "classifier"
    classifier = [named] if isinstance(named, str) else list(named)  # a distilled network has two

    def interpolate(state: State) -> State:
        """The positions for the size that the network is built for, which may be another than the weights'."""
        adapted: State = models.vision_transformer.checkpoint_filter_fn(state, cast(Any, model))
        return adapted

    adapt = interpolate if type(model) is models.VisionTransformer else None
    load_weights(model, path, settings, classifier=classifier, adapt=adapt)
