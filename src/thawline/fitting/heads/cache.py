"""Zero-shot beside a cache of samples: what is like a sample that is known is what that is (Tip-Adapter)."""

from typing import ClassVar

import torch
import torch.nn.functional as F

from thawline.fitting.heads.head import ProbeHead, PromptHead
from thawline.fitting.heads.shaped import ShapedByState


class CacheHead(ShapedByState):
    """Zero-shot's logits, and for each sample of the cache its class, the more the more alike it is.

    Logits are weight · x + alpha · exp(beta · (keys · x − 1)) · values, with unit features x (arXiv 2111.03930,
    equations 5 and 6).

    Attributes:
        texts: What zero-shot knows of the classes, as unit vectors, [classes, dim]. Like the next no part of the state.
        text_scale: What their cosine to an image is multiplied by.
    """

    BY_CLASS: ClassVar[str] = "weight"
    kind = "cache"
    weight: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    alpha: torch.Tensor
    beta: torch.Tensor

    def __init__(self, texts: torch.Tensor, text_scale: float) -> None:
        """A head whose cache is empty: it says what zero-shot says."""
        super().__init__()
        self.classes, dim = texts.shape
        self.texts, self.text_scale = texts, text_scale
        self.register_buffer("weight", text_scale * texts)
        self.register_buffer("keys", torch.zeros(0, dim))
        self.register_buffer("values", torch.zeros(0, self.classes))
        self.register_buffer("alpha", torch.tensor(0.0))
        self.register_buffer("beta", torch.tensor(1.0))

    @classmethod
    def of(cls, prompts: PromptHead) -> "CacheHead":
        """The head beside `prompts`."""
        begun = ProbeHead.of(prompts)
        return cls(begun.texts, begun.text_scale)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        rows = F.normalize(features, dim=-1)
        near = torch.exp(self.beta * (rows @ self.keys.T - 1))
        return rows @ self.weight.T + self.alpha * near @ self.values
