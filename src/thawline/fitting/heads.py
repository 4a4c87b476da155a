"""What turns an encoder's features into logits."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from thawline.fitting.feature_set import Features


class Standardise(nn.Module):
    """Subtract a mean and divide by a scale fixed by the training features: one learning rate fits all encoders."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(()))

    def measure(self, features: torch.Tensor) -> None:
        """Take the mean of each feature and their common standard deviation from `features`, [n, dim]."""
        self.mean.copy_(features.mean(dim=0))
        # One scale for all: features that hardly vary are mostly noise and must not be blown up.
        spread = (features - self.mean).square().mean().sqrt()
        self.scale.copy_(spread if spread > 0 else torch.ones(()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to [batch, dim]."""
        return (features - self.mean) / self.scale


class Head(nn.Module):
    """Features [batch, dim] to logits [batch, classes]."""

    classes: int


class DenseHead(Head):
    """A new head: linear, or with one hidden layer, on standardised features."""

    def __init__(self, dim: int, classes: int, *, hidden: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.classes = classes
        self.standardise = Standardise(dim)
        self.layers: nn.Module
        if hidden is None:
            self.layers = nn.Linear(dim, classes)
        else:
            self.layers = nn.Sequential(
                nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, classes)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        logits: torch.Tensor = self.layers(self.standardise(features))
        return logits


class PromptHead(Head):
    """Scaled cosine between an image and each class's prompts (CLIP, arXiv 2103.00020, section 3.1.4).

    A class's embedding is the mean of its prompts' unit vectors, made a unit vector again.
    """

    class_of_prompt: torch.Tensor
    logit_scale: torch.Tensor

    def __init__(
        self,
        prompts: Mapping[str, torch.Tensor],
        class_of_prompt: torch.Tensor,
        logit_scale: float,
        text_stages: nn.Module | None = None,
    ) -> None:
        """Keep the prompts' features.

        Args:
            prompts: The prompts' features at the text encoder's cut, each [prompts, …].
            class_of_prompt: Class of each prompt, [prompts].
            logit_scale: What the cosine is multiplied by.
            text_stages: The text encoder's trainable stages above its cut; None: `prompts` holds its final features.
        """
        super().__init__()
        self.classes = int(class_of_prompt.max()) + 1
        self.text_stages = text_stages
        self._names = tuple(prompts)
        for name, tensor in prompts.items():
            self.register_buffer(f"prompt_{name}", tensor.float() if tensor.is_floating_point() else tensor)
        self.register_buffer("class_of_prompt", class_of_prompt)
        self.register_buffer("logit_scale", torch.tensor(logit_scale))

    def class_embeddings(self) -> torch.Tensor:
        """Unit vectors, [classes, dim]."""
        features: Features = {name: getattr(self, f"prompt_{name}") for name in self._names}
        if self.text_stages is not None:
            features = self.text_stages(features)
        unit = F.normalize(features["features"], dim=-1)
        sums = torch.zeros(self.classes, unit.shape[1], dtype=unit.dtype, device=unit.device)
        return F.normalize(sums.index_add(0, self.class_of_prompt, unit), dim=-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        return self.logit_scale * F.normalize(features, dim=-1) @ self.class_embeddings().T
