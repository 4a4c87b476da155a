"""Settings of an encoder."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from thawline.errors import UserError


@dataclass
class EncoderSettings:
    """A pretrained network and where its weights are.

    Attributes:
        family: `clip` (transformers) or `timm`.
        name: Hub id or local directory; `package:tiny_clip` is the one that the package carries.
        model: timm's name of the architecture, with the tag that says which preprocessing; null for CLIP.
        weights: A local safetensors file (timm); null: those of `name`.
        revision: Commit of the Hub repository that the weights are pinned to; null: the newest when they are fetched.
        model_args: What else `timm.create_model` is given.
        bn_eps: eps of every BatchNorm, where the weights want another than timm's; null: timm's.
        size: Side of the input, px; null: the checkpoint's.
        crop_pct: Share of the resized shortest side that the centre crop keeps; null: the checkpoint's.
        interpolation: `bicubic` or `bilinear`; null: the checkpoint's.
        mean: Mean of the pixels in 0..1, a number a channel; null: the checkpoint's.
        std: Standard deviation, likewise.
        licence: Licence of the weights.
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

    def __post_init__(self) -> None:
        """Check the names."""
        if self.family not in ("clip", "timm"):
            raise UserError(f"encoder.family={self.family} is not known; use clip or timm")
        if self.family == "timm" and not self.model:
            raise UserError("encoder.family=timm needs encoder.model, timm's name of the architecture")
        if self.family == "clip" and (self.model or self.weights or self.model_args or self.bn_eps):
            raise UserError(
                "encoder.weights, model, model_args and bn_eps are for timm's networks; "
                "choose one (encoder=resnet50, say), or set encoder.name to a directory that holds a CLIP"
            )
