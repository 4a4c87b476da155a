"""Encoders that read, with their tokenizers. Nothing of transformers is imported: not every network needs it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from thawline.encoders.encoder import Encoder, Features, Stage


class Projection(Stage):
    """A tower's last matrix."""

    def __init__(self, projection: nn.Module) -> None:
        super().__init__()
        self.projection = projection

    def forward(self, features: Features) -> Features:
        """{"pooled"} to {"features"}, not yet of unit length."""
        return {"features": self.projection(features["pooled"])}


class PooledMlp(Stage):
    """The last layers of SigLIP's tower for images, over one vector: what CLIP's projection is there."""

    def __init__(self, layernorm: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.layernorm, self.mlp = layernorm, mlp

    def forward(self, features: Features) -> Features:
        """{"pooled"} to {"features"}, not yet of unit length."""
        pooled = features["pooled"]
        return {"features": pooled + self.mlp(self.layernorm(pooled))}


@dataclass(frozen=True)
class ClipTowers:
    """One CLIP model.

    Attributes:
        image: The vision tower with its projection.
        text: The text tower with its projection.
        tokenize: Texts to {"input_ids", "attention_mask"}, int64 [texts, longest].
        logit_scale: What the cosine is multiplied by.
    """

    image: Encoder
    text: Encoder
    tokenize: Callable[[list[str]], Features]
    logit_scale: float

    def cut_text(self, thaw: int | str) -> int:
        """The border at which the text tower is cut where `thaw` of the image tower trains.

        A text tower may have fewer blocks. What enters it is its tokens' embeddings: nothing trains below its blocks.
        """
        blocks = self.text.blocks
        if thaw == "all":
            return self.text.cut_for(blocks)
        return self.text.cut_for(min(thaw, blocks) if isinstance(thaw, int) else thaw)


@dataclass(frozen=True)
class TextTower:
    """An encoder of texts by itself.

    Attributes:
        text: The encoder.
        tokenize: Texts to what enters it, batch first.
    """

    text: Encoder
    tokenize: Callable[[list[str]], Features]
