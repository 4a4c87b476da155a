"""Settings of an encoder."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from thawline.errors import UserError

_FROM_TRANSFORMERS = {"clip": "CLIP", "vit": "ViT"}
_BY_NAME = ("timm", "torchvision")


@dataclass
class EncoderSettings:
    """A pretrained network and where its weights are.

    Attributes:
        family: `clip` or `vit` (transformers), `timm`, `torchvision`, or `scratch`, a text encoder without weights.
        name: Hub id or local directory; `package:tiny_clip` is the one that the package carries.
        model: timm's or torchvision's name of the architecture, timm's with the tag that says which preprocessing; null
            for transformers' networks.
        weights: A local safetensors file (timm, torchvision), or a folder of such, each named after its architecture;
            null: those of `name`.
        revision: Commit of the Hub repository that the weights are pinned to; null: the newest when they are fetched.
        model_args: What else timm or torchvision is given to create the network; for `scratch` its size.
        bn_eps: eps of every BatchNorm, where the weights want another than the library's; null: the library's.
        size: Side of the input, px; null: the checkpoint's.
        crop_pct: Share of the resized shortest side that the centre crop keeps; null: the checkpoint's.
        interpolation: `bicubic` or `bilinear`; null: the checkpoint's.
        mean: Mean of the pixels in 0..1, a number a channel; null: the checkpoint's.
        std: Standard deviation, likewise.
        licence: Licence of the weights.
        precision: What the frozen part computes in: `float32`, or `bfloat16` where a processor is faster with it.
    """

    family: str = MISSING
    name: str = MISSING
    model: str | None = None
    weights: str | None = None
    revision: str | None = None
    model_args: dict[str, Any] = field(default_factory=dict)
    bn_eps: float | None = None
    size: int | None = None
    crop_pct: float | None = None
    interpolation: str | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    licence: str | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Check the names."""
        if self.family not in (*_FROM_TRANSFORMERS, *_BY_NAME, "scratch"):
            raise UserError(f"encoder.family={self.family} is not known; use clip, vit, timm, torchvision or scratch")
        if self.precision not in ("float32", "bfloat16"):
            raise UserError(f"encoder.precision={self.precision} is not known; use float32 or bfloat16")
        if self.family in _BY_NAME and not self.model:
            raise UserError(
                f"encoder.family={self.family} needs encoder.model, {self.family}'s name of the architecture"
            )
        if self.family in _FROM_TRANSFORMERS and (self.model or self.weights or self.model_args or self.bn_eps):
            raise UserError(
                "encoder.weights, model, model_args and bn_eps are for timm's and torchvision's networks; choose one "
                f"(encoder=resnet50, say), or set encoder.name to a directory with a {_FROM_TRANSFORMERS[self.family]}"
            )
