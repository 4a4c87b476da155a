"""What a transformer's last block makes of the tokens that are read, without computing it for the others."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class SelfAttention:
    """The parts of a block's attention that decide what its first tokens take from all tokens.

    Attributes:
        query, key, value: Matrix [heads · dim, width] and bias [heads · dim] or None of each projection.
        dim: Width of a head.
        scale: What the products of queries and keys are multiplied by.
    """

    query: tuple[torch.Tensor, torch.Tensor | None]
    key: tuple[torch.Tensor, torch.Tensor | None]
    value: tuple[torch.Tensor, torch.Tensor | None]
    dim: int
    scale: float

    def first(self, tokens: torch.Tensor, count: int) -> torch.Tensor:
        """What the first `count` of `tokens` [batch, tokens, width] attend to, [batch, count, heads · dim].

        A product of a query and a key, q · (K x), is one of (Kᵀ q) and x, and a weighted mean of values, Σ a (V x), is
        V (Σ a x): so no token needs a key or a value, and the arithmetic hardly depends on how many there are.
        """
        query = self._split(nn.functional.linear(tokens[:, :count], *self.query))  # [batch, count, heads, dim]
        asked = torch.einsum("brhd,hdw->brhw", query, self._matrix(self.key))
        scores = torch.einsum("brhw,btw->brht", asked, tokens)
        if self.key[1] is not None:
            # It shifts all scores of a query alike, which the softmax takes out again, but its weights decay.
            scores = scores + (query * self._split(self.key[1])).sum(dim=-1, keepdim=True)
        shares = torch.softmax(scores * self.scale, dim=-1)
        taken = torch.einsum("brht,btw->brhw", shares.to(tokens.dtype), tokens)
        given = torch.einsum("brhw,hdw->brhd", taken, self._matrix(self.value)).flatten(2)
        return given if self.value[1] is None else given + self.value[1]

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        return torch.unflatten(values, -1, (-1, self.dim))

    def _matrix(self, projection: tuple[torch.Tensor, torch.Tensor | None]) -> torch.Tensor:
        """A projection's matrix head by head, [heads, dim, width]."""
        return torch.unflatten(projection[0], 0, (-1, self.dim))


def projection(layer: nn.Linear) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The matrix and the bias of `layer`."""
    return layer.weight, layer.bias
