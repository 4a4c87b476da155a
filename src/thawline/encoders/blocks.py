"""Blocks of transformers' networks as stages, by what that library calls their parts; it is not imported for that."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from thawline.encoders.encoder import Features, Stage
from thawline.encoders.first_tokens import SelfAttention, projection


@dataclass(frozen=True)
class Names:
    """What transformers calls the parts of a family's blocks.

    Attributes:
        before: The norm before the attention.
        attention: The attention.
        out: Its last projection.
        scale: What it multiplies the products of queries and keys by.
        after: The norm before the MLP.
    """

    before: str
    attention: str
    out: str
    scale: str
    after: str


CLIP = Names("layer_norm1", "self_attn", "out_proj", "scale", "layer_norm2")
VIT = Names("layernorm_before", "attention", "o_proj", "scaling", "layernorm_after")  # AST's too


class Block(Stage):
    """One transformer block over an image's tokens."""

    def __init__(self, layer: nn.Module, names: Names) -> None:
        super().__init__()
        self.layer = layer
        self._names = names

    def forward(self, features: Features) -> Features:
        """{"hidden"} to {"hidden"}, [batch, tokens, width]."""
        return {"hidden": self.layer(features["hidden"], attention_mask=None)}

    def of_first(self, features: Features, count: int) -> Features:
        """The same with the first `count` tokens alone."""
        return {"hidden": first_tokens(self.layer, self._names, features["hidden"], count)}


def first_tokens(layer: Any, names: Names, hidden: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` tokens that leave `layer`, which has no dropout now, [batch, count, width]."""
    attention = getattr(layer, names.attention)
    attended = SelfAttention(
        projection(attention.q_proj),
        projection(attention.k_proj),
        projection(attention.v_proj),
        dim=attention.head_dim,
        scale=getattr(attention, names.scale),
    ).first(getattr(layer, names.before)(hidden), count)
    hidden = hidden[:, :count] + getattr(attention, names.out)(attended)
    leaving: torch.Tensor = hidden + layer.mlp(getattr(layer, names.after)(hidden))
    return leaving
