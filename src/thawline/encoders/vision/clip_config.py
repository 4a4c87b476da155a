"""A CLIP's `config.json`, as far as it decides what the network computes; what it leaves out is as in transformers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

CONFIG = "config.json"


@dataclass(frozen=True)
class TowerConfig:
    """What both towers have.

    Attributes:
        hidden_size: Width of a token.
        intermediate_size: Width within an MLP.
        num_attention_heads: Heads of each block.
        num_hidden_layers: Blocks.
        hidden_act: transformers' name of the MLPs' activation.
        layer_norm_eps: Of all norms.
    """

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int = 12
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The config of one tower.

        Raises:
            ValueError: One of `values` can't be.
        """
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name, value in known.items():
            if type(value) is not type(getattr(cls, name)) or (type(value) is int and value < (name != "eos_token_id")):
                raise ValueError(f"{CONFIG} has '{name}' as {value}")
        config = cls(**known)
        if config.hidden_size % config.num_attention_heads:
            raise ValueError(f"{CONFIG} has {config.num_attention_heads} heads over {config.hidden_size} numbers")
        return config


@dataclass(frozen=True)
class VisionConfig(TowerConfig):
    """The tower for images.

    Attributes:
        image_size: Side of the images that it was trained on, px.
        patch_size: Side of a patch, px.
        num_channels: Of an image.
    """

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_attention_heads: int = 12
    image_size: int = 224
    patch_size: int = 32
    num_channels: int = 3


@dataclass(frozen=True)
class TextConfig(TowerConfig):
    """The tower for texts.

    Attributes:
        vocab_size: Tokens that it knows.
        max_position_embeddings: Tokens of the longest text.
        eos_token_id: Number of the token that ends a text.
    """

    hidden_size: int = 512
    intermediate_size: int = 2048
    num_attention_heads: int = 8
    vocab_size: int = 49408
    max_position_embeddings: int = 77
    eos_token_id: int = 49407


@dataclass(frozen=True)
class ClipConfig:
    """A whole CLIP.

    Attributes:
        vision: The tower for images.
        text: The tower for texts.
        projection_dim: Width of the space in which they meet.
    """

    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)
    projection_dim: int = 512

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The config that a `config.json` states.

        Raises:
            ValueError: One of `values` can't be.
        """
        vision, text = (_tower(values, side) for side in ("vision", "text"))
        dim = values.get("projection_dim", cls.projection_dim)
        if values.get("model_type") != "clip" or not isinstance(vision, dict) or not isinstance(text, dict):
            raise ValueError(f"{CONFIG} is of no CLIP")
        if type(dim) is not int or dim < 1:
            raise ValueError(f"{CONFIG} has 'projection_dim' as {dim}")
        return cls(VisionConfig.of(vision), TextConfig.of(text), dim)


def _tower(values: Mapping[str, Any], side: str) -> Any:
    """What is stated of a tower; some older files state it twice, and the one with the longer name counts."""
    twice = values.get(f"{side}_config_dict")
    return (values.get(f"{side}_config") or {}) if twice is None else twice
