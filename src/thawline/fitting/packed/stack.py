"""The parameters of many tails of one shape, stacked, and what they make of a batch."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, vmap

from thawline.fitting.feature_set import Features
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.packed.products import AsAlone


class Stack:
    """Tails of one shape. What differs between them is stacked, first dimension first; the rest is the first one's.

    Attributes:
        trained: The parameters that train, each [tails, …], by their names in a module.
        tails: How many there are; fewer once some have ended.
    """

    def __init__(self, modules: Sequence[TailModule]) -> None:
        """Stack the tails of `modules`, whose parameters have the same names and shapes."""
        self._call = _Call(modules[0])
        self.tails = len(modules)
        named = [dict(module.named_parameters()) for module in modules]
        trains = [name for name, parameter in named[0].items() if parameter.requires_grad]
        self.trained = {name: torch.stack([one[name].detach() for one in named]).requires_grad_() for name in trains}
        states = [_fixed(module) for module in modules]
        self._fixed = {
            name: torch.stack([one[name] for one in states])
            for name, first in states[0].items()
            if not all(torch.equal(first, one[name]) for one in states[1:])
        }

    def train(self, mode: bool) -> None:
        """Set train or eval mode."""
        self._call.train(mode)

    def logits(self, features: Features, factors: Sequence[torch.Tensor], *, shared: bool) -> torch.Tensor:
        """The logits of a training batch, [tails, batch, classes].

        Args:
            features: Named tensors at the thaw line, [batch, …] if `shared`, else [tails, batch, …].
            factors: What each dropout multiplies by, each [tails, …].
            shared: Whether all tails see the same batch.
        """
        return self._outputs("forward", features, factors, shared=shared)

    @torch.no_grad()
    def inner(self, features: Features, *, shared: bool) -> torch.Tensor:
        """What the inner samples are judged by, [tails, batch, …]; `features` as above."""
        return self._outputs("inner_output", features, (), shared=shared)

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the tails at `places` alone."""
        index = torch.tensor(places)
        self.trained = {name: each.detach()[index].requires_grad_() for name, each in self.trained.items()}
        self._fixed = {name: each[index] for name, each in self._fixed.items()}
        self.tails = len(places)

    def _outputs(self, what: str, features: Features, factors: Sequence[torch.Tensor], *, shared: bool) -> torch.Tensor:
        def one(tensors: dict[str, torch.Tensor], seen: Features, drawn: Sequence[torch.Tensor]) -> torch.Tensor:
            with AsAlone(drawn):
                made: torch.Tensor = functional_call(self._call, _prefixed(tensors), (what, seen))
                return made

        dims: Any = (0, None if shared else 0, 0)
        stacked: torch.Tensor = vmap(one, in_dims=dims)({**self.trained, **self._fixed}, features, list(factors))
        return stacked


class _Call(nn.Module):
    """A module whose methods can be called with other tensors in its place."""

    def __init__(self, module: TailModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, what: str, features: Features) -> torch.Tensor:
        """Call the method `what` of the module."""
        made: torch.Tensor = getattr(self.module, what)(features)
        return made


def _prefixed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"module.{name}": tensor for name, tensor in tensors.items()}


def _fixed(module: TailModule) -> dict[str, torch.Tensor]:
    """What of a module's tail does not train."""
    frozen = {name: each.detach() for name, each in module.named_parameters() if not each.requires_grad}
    return {**frozen, **{name: each for name, each in module.named_buffers() if name.startswith("tail.")}}
