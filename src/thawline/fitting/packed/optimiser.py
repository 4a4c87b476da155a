"""AdamW over stacked parameters: each tail at its own rates, by the same fused step as alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from thawline.fitting.lightning.module import TailModule
from thawline.fitting.lightning.optimiser import learning_rate_course, parameter_groups
from thawline.fitting.packed.stack import Stack

Slices = dict[str, tuple[torch.Tensor, ...]]


class Rates:
    """How fast each parameter of one tail learns, step by step."""

    def __init__(self, module: TailModule) -> None:
        """Take what the module's own optimiser would be given."""
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        groups = parameter_groups(module.tail, module.settings)
        self.groups = [([names[id(p)] for p in group["params"]], float(group["lr"])) for group in groups]
        self.weight_decay = module.settings.weight_decay
        self.factor = learning_rate_course(module.settings, module.steps_per_epoch)


@dataclass
class _Moments:
    first: dict[str, torch.Tensor]
    second: dict[str, torch.Tensor]


class StackedAdamW:
    """AdamW as PyTorch has it by default, over the parameters of a stack."""

    def __init__(self, stack: Stack, modules: Sequence[TailModule]) -> None:
        """Begin; the tails of `modules` are those of `stack`."""
        self._stack = stack
        self._rates = [Rates(module) for module in modules]
        self._moments = _Moments(*({n: torch.zeros_like(p) for n, p in stack.trained.items()} for _ in range(2)))
        self._slice()

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the tails at `places` alone, as the stack does."""
        index = torch.tensor(places)
        self._rates = [self._rates[place] for place in places]
        kept = ({n: each[index] for n, each in part.items()} for part in (self._moments.first, self._moments.second))
        self._moments = _Moments(*kept)
        self._slice()

    @torch.no_grad()
    def step(self, gradients: Mapping[str, torch.Tensor | None], step: int) -> None:
        """Take one step with each tail, the first being `step` 0.

        Args:
            gradients: Of each parameter that trains, [tails, …]; None: it has no part in the loss.
            step: How many were taken before.
        """
        taken = torch.tensor(float(step + 1))
        sliced = {name: each.contiguous().unbind() for name, each in gradients.items() if each is not None}
        for place, rates in enumerate(self._rates):
            factor = rates.factor(step)
            for names, lr in rates.groups:
                known = [name for name in names if name in sliced]
                torch._fused_adamw_(
                    [self._parameters[name][place] for name in known],
                    [sliced[name][place] for name in known],
                    [self._first[name][place] for name in known],
                    [self._second[name][place] for name in known],
                    [],
                    [taken] * len(known),
                    lr=lr * factor,
                    beta1=0.9,
                    beta2=0.999,
                    weight_decay=rates.weight_decay,
                    eps=1e-8,
                    amsgrad=False,
                    maximize=False,
                )

    def _slice(self) -> None:
        """One tail's tensors each, which lie in the stacked ones."""
        self._parameters: Slices = {name: p.detach().unbind() for name, p in self._stack.trained.items()}
        self._first: Slices = {name: each.unbind() for name, each in self._moments.first.items()}
        self._second: Slices = {name: each.unbind() for name, each in self._moments.second.items()}
