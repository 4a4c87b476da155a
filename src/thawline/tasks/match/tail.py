"""The match task's tail: two towers, their projections, and the scaled cosine of a pair."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from thawline.encoders.encoder import Stages
from thawline.fitting.feature_set import Features
from thawline.fitting.heads.head import Head, Standardise
from thawline.fitting.tail import Tail

IMAGE, TEXT = "image.", "text."
_PARTS = "stages.image.", "stages.text.", "head."
_SIDES = "image.", "text."
IMAGE_ID, TEXT_ID = "pair.image", "pair.text"


class Towers(nn.Module):
    """The trainable stages of both encoders."""

    def __init__(self, image: nn.Module, text: nn.Module) -> None:
        """Take the stages above each cut."""
        super().__init__()
        self.image, self.text = image, text

    def forward(self, features: Features) -> Features:
        """Both towers' tensors, prefixed by their names, to {"features": [batch, image dim + text dim]}."""
        image = self.image(_of(features, IMAGE))["features"]
        text = self.text(_of(features, TEXT))["features"]
        return {"features": torch.cat([image, text], dim=-1)}


class NewProjection(nn.Module):
    """A new matrix into the space that both towers share, over standardised features."""

    def __init__(self, dim: int, shared: int) -> None:
        super().__init__()
        self.standardise = Standardise(dim)
        self.layer = nn.Linear(dim, shared, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to [batch, shared]."""
        projected: torch.Tensor = self.layer(self.standardise(features))
        return projected


class PairHead(Head):
    """The probability that an image and a text belong together: sigmoid(scale · cos + bias).

    Of the two logits that of a mismatch is 0, so that softmax gives that sigmoid (SigLIP, arXiv 2303.15343, section 3).

    Attributes:
        image_dim: Width of the image's features; the text's follow them.
    """

    def __init__(self, dims: tuple[int, int], shared: int | None, scale: float) -> None:
        """Begin with a scale and no bias.

        Args:
            dims: Width of the image's and of the text's features.
            shared: Width of the space that new projections lead to; None: the features lie in one space already.
            scale: What the cosine is multiplied by at the start.
        """
        super().__init__()
        self.classes = 2
        self.image_dim = dims[0]
        self.image = nn.Identity() if shared is None else NewProjection(dims[0], shared)
        self.text = nn.Identity() if shared is None else NewProjection(dims[1], shared)
        # Its logarithm is learned: it stays above 0, and one rate fits small scales and large ones.
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def embed(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[batch, image dim + text dim] to unit vectors of images and of texts, each [batch, shared]."""
        image, text = features[:, : self.image_dim], features[:, self.image_dim :]
        return F.normalize(self.image(image), dim=-1), F.normalize(self.text(text), dim=-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, image dim + text dim] to logits [batch, 2]: mismatch, match."""
        image, text = self.embed(features)
        return self.pair_logits((image * text).sum(dim=-1))

    def pair_logits(self, cosine: torch.Tensor) -> torch.Tensor:
        """Cosines [batch] to logits [batch, 2]."""
        score = self.log_scale.exp() * cosine + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=-1)

    @torch.no_grad()
    def set_scale(self, scale: float, bias: float) -> None:
        """Take a scale, above 0, and a bias."""
        self.log_scale.fill_(math.log(scale))
        self.bias.fill_(bias)


class PairTail(Tail):
    """Two towers and the head."""

    stages: Towers
    head: PairHead

    def __init__(self, stages: Towers, head: PairHead) -> None:
        super().__init__(stages, head)

    @property
    def towers(self) -> list[nn.Module]:
        """The stages that were pretrained; a text encoder from scratch learns as fast as a new head."""
        return [tower for tower in (self.stages.image, self.stages.text) if isinstance(tower, Stages)]

    def embed(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        """Named tensors at the thaw lines to unit vectors of images and of texts, each [batch, shared]."""
        return self.head.embed(self.stages(features)["features"])


@dataclass(frozen=True)
class PairState:
    """The state-dict of a `PairTail`, part by part.

    Attributes:
        image: That of the image tower above its cut.
        text: That of the text tower above its cut.
        scale: What the cosine is multiplied by.
        bias: What is added to it.
        projections: Those into a new space, by their names in the head; none where the features lie in one.
    """

    image: dict[str, torch.Tensor]
    text: dict[str, torch.Tensor]
    scale: float
    bias: float
    projections: dict[str, torch.Tensor]


def split_state(state: Mapping[str, torch.Tensor]) -> PairState:
    """The parts of a `PairTail`'s state-dict."""
    image, text, head = ({k.removeprefix(p): v for k, v in state.items() if k.startswith(p)} for p in _PARTS)
    scale, bias = head.pop("log_scale"), head.pop("bias")
    return PairState(image, text, math.exp(float(scale)), float(bias), head)


def load_projections(state: Mapping[str, torch.Tensor]) -> tuple[NewProjection, NewProjection]:
    """The projections of the image's and of the text's features whose tensors are `state`, frozen.

    Raises:
        KeyError, RuntimeError: It is of something else.
    """
    made = []
    for side in _SIDES:
        own = {name.removeprefix(side): tensor for name, tensor in state.items() if name.startswith(side)}
        shared, dim = own["layer.weight"].shape
        made.append(NewProjection(dim, shared))
        made[-1].load_state_dict(own)
    image, text = (one.eval().requires_grad_(False) for one in made)
    return image, text


def _of(features: Features, tower: str) -> Features:
    return {name.removeprefix(tower): tensor for name, tensor in features.items() if name.startswith(tower)}
