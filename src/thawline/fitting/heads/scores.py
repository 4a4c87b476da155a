"""What turns an encoder's features into a score: a number, or one of several ordered answers."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.heads.head import DenseHead

# How far the share of samples above an answer is kept from 0 and 1, where a cut begins.
_SURE = 1e-3


class ScoreHead(DenseHead):
    """A new head that gives a score: one output, in a unit in which the training samples have mean 0, spread 1.

    Its forward gives the score in its own unit, [batch, 1]; what a loss is of is `raw`.
    """

    kind: ClassVar[str] = "score"
    target_mean: torch.Tensor
    target_scale: torch.Tensor

    def __init__(self, dim: int, *, hidden: int | None = None, dropout: float = 0.0, each: bool = False) -> None:
        """Begin at mean 0 and spread 1, until `measure` is given the scores.

        Args:
            dim: Features that enter.
            hidden: Width of the hidden layer; None: the head is linear.
            dropout: Before the last layer, where there is a hidden one.
            each: Whether each feature is scaled by itself.
        """
        super().__init__(dim, 1, hidden=hidden, dropout=dropout, each=each)
        self.register_buffer("target_mean", torch.zeros(()))
        self.register_buffer("target_scale", torch.ones(()))

    def measure(self, scores: NDArray[np.float64]) -> None:
        """Take mean and standard deviation of the scores of the training samples, [n]."""
        self.target_mean.fill_(float(scores.mean()))
        self.target_scale.fill_(float(scores.std()) or 1.0)

    def raw(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to scores less the mean by the spread, [batch, 1]."""
        return super().forward(features)

    def standardised(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores in the unit of `raw`."""
        return (scores - self.target_mean) / self.target_scale

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to scores [batch, 1]."""
        return self.target_mean + self.target_scale * self.raw(features)


class OrdinalHead(DenseHead):
    """Ordered answers by their cumulative probabilities, with one output that all share (CORAL, arXiv 1901.07884).

    The logit that the answer is above the k-th is that output plus the k-th cut: one direction orders the samples, and
    the cuts say where one answer ends. The score is the mean of the answers by these probabilities: the sum of the
    steps between answers, each times the probability that the answer is above it.
    """

    kind: ClassVar[str] = "ordinal"
    levels: torch.Tensor

    def __init__(
        self,
        dim: int,
        levels: NDArray[np.float64],
        *,
        hidden: int | None = None,
        dropout: float = 0.0,
        each: bool = False,
    ) -> None:
        """Begin with all cuts at 0, until `measure` is given the scores.

        Args:
            dim: Features that enter.
            levels: The K answers as numbers, the least first, [K].
            hidden: Width of the hidden layer; None: the head is linear.
            dropout: Before the last layer, where there is a hidden one.
            each: Whether each feature is scaled by itself.
        """
        super().__init__(dim, 1, hidden=hidden, dropout=dropout, each=each)
        self.register_buffer("levels", torch.from_numpy(np.asarray(levels, dtype=np.float32)))
        self.cuts = nn.Parameter(torch.zeros(len(levels) - 1))
        # The cuts stand for it.
        last = self.layers if isinstance(self.layers, nn.Linear) else self.layers[-1]  # type: ignore[index]
        last.bias.requires_grad_(False).zero_()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many answers as `state_dict` has: other samples may have other ones."""
        loaded = state_dict.get(f"{prefix}levels")
        if loaded is not None:
            self.levels = self.levels.new_empty(len(loaded))
            self.cuts = nn.Parameter(self.cuts.new_empty(len(loaded) - 1), requires_grad=self.cuts.requires_grad)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @torch.no_grad()
    def measure(self, scores: NDArray[np.float64]) -> None:
        """Begin the cuts at how often the training samples' scores, [n], are above each answer."""
        above = np.array([(scores > level).mean() for level in self.levels[:-1].numpy()])
        self.cuts.copy_(torch.logit(torch.from_numpy(above).float(), eps=_SURE))

    def raw(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to the logits that the answer is above each but the last, [batch, K - 1]."""
        return super().forward(features) + self.cuts

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[batch, dim] to scores [batch, 1]."""
        above = torch.sigmoid(self.raw(features))
        return self.levels[0] + (above * self.levels.diff()).sum(dim=-1, keepdim=True)
