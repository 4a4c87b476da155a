"""What turns an encoder's features into logits."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from thawline.fitting.feature_set import Features

# A feature with units of its own that varies less than this is taken for constant.
_CONSTANT = 1e-6


class Standardise(nn.Module):
    """Subtract a mean and divide by a scale fixed by the training features: one learning rate fits all encoders.

    One scale for all features of a network: those that hardly vary are mostly noise and must not be blown up. One for
    `each` where features have units of their own.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, dim: int, *, each: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim if each else ()))

    def measure(self, features: torch.Tensor) -> None:
        """Take the mean of each feature and the standard deviation from `features`, [n, dim]."""
        self.mean.copy_(features.mean(dim=0))
        squares = (features - self.mean).square()
        spread = (squares.mean(dim=0) if self.scale.ndim else squares.mean()).sqrt()
        self.scale.copy_(torch.where(spread > _CONSTANT if self.scale.ndim else spread > 0, spread, 1.0))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to [batch, dim]."""
        return (features - self.mean) / self.scale


class Head(nn.Module):
    """Features [batch, dim] to logits [batch, classes].

    Attributes:
        classes: How many it tells apart.
        whole: Whether it is given all named tensors that leave the encoder, not only its features.
        reads: The one of these that it looks at; None: several, or its features.
        kind: What bundles call it, which is how they know to make it again.
    """

    classes: int
    whole: bool = False
    reads: str | None = None
    kind: ClassVar[str] = "dense"


class DenseHead(Head):
    """A new head: linear, or with one hidden layer, on standardised features.

    Attributes:
        one_logit: Whether of two classes only the second has a logit.
        toward: What a linear head with one logit leans to before any sample was seen, a direction in which the logit
            rises, [dim]; None: nothing. It is no part of the state: what is fitted holds it.
    """

    toward: torch.Tensor | None = None

    def __init__(
        self,
        dim: int,
        classes: int,
        *,
        hidden: int | None = None,
        dropout: float = 0.0,
        each: bool = False,
        one_logit: bool = False,
    ) -> None:
        """A new head.

        Args:
            dim: Width of the features.
            classes: How many it tells apart.
            hidden: Width of the hidden layer; None: none.
            dropout: Before the last layer, where there is a hidden one.
            each: Whether each feature has a scale of its own.
            one_logit: Whether of two classes only the second has a logit; that of the first is 0.
        """
        super().__init__()
        self.classes = classes
        self.one_logit = one_logit
        self.standardise = Standardise(dim, each=each)
        outputs = 1 if one_logit else classes
        self.layers: nn.Module
        if hidden is None:
            self.layers = nn.Linear(dim, outputs)
        else:
            self.layers = nn.Sequential(
                nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
            )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        logits: torch.Tensor = self.layers(self.standardise(features))
        return torch.cat([torch.zeros_like(logits), logits], dim=-1) if self.one_logit else logits


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

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many prompts as `state_dict` has: they may have been chosen among more."""
        loaded = state_dict.get(f"{prefix}class_of_prompt")
        if loaded is not None and len(loaded) and int(loaded.max()) + 1 == self.classes:
            for name in ("class_of_prompt", *(f"prompt_{name}" for name in self._names)):
                buffer = self.get_buffer(name)
                self._buffers[name] = buffer.new_empty((len(loaded), *buffer.shape[1:]))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def prompt_vectors(self) -> torch.Tensor:
        """What the text encoder gives for each prompt, [prompts, dim]."""
        features: Features = {name: getattr(self, f"prompt_{name}") for name in self._names}
        if self.text_stages is not None:
            features = self.text_stages(features)
        return features["features"]

    def class_embeddings(self) -> torch.Tensor:
        """Unit vectors, [classes, dim]."""
        unit = F.normalize(self.prompt_vectors(), dim=-1)
        sums = torch.zeros(self.classes, unit.shape[1], dtype=unit.dtype, device=unit.device)
        return F.normalize(sums.index_add(0, self.class_of_prompt, unit), dim=-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        return self.logit_scale * F.normalize(features, dim=-1) @ self.class_embeddings().T


class ProbeHead(Head):
    """A linear head on unit features that begins as zero-shot: what few-shot methods fit over an encoder with text.

    Attributes:
        texts: What it begins from, the classes' embeddings as unit vectors, [classes, dim]. Like the next two it is no
            part of the state: what is fitted holds it.
        text_scale: What their cosine to an image is multiplied by.
        text_length: How long the features of the prompts are on average before they are made unit vectors.
    """

    kind = "probe"
    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, texts: torch.Tensor, text_scale: float, text_length: float = 1.0) -> None:
        """A head that says what zero-shot says."""
        super().__init__()
        self.classes = len(texts)
        self.texts, self.text_scale, self.text_length = texts, text_scale, text_length
        self.register_buffer("weight", text_scale * texts)
        self.register_buffer("bias", torch.zeros(len(texts)))

    @classmethod
    @torch.no_grad()
    def of(cls, prompts: PromptHead) -> "ProbeHead":
        """The head that begins as `prompts`, whose text encoder does not train."""
        lengths = prompts.get_buffer("prompt_features").norm(dim=-1)
        return cls(prompts.class_embeddings(), float(prompts.logit_scale), float(lengths.mean()))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to logits [batch, classes]."""
        return F.linear(F.normalize(features, dim=-1), self.weight, self.bias)
