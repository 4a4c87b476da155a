"""What trains how fast: a group of parameters for each pretrained stage, and the course of the learning rates."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from thawline.fitting.named.optimisers import ADAMW, make_optimiser
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


def parameter_groups(tail: Tail, settings: GradientSettings) -> list[dict[str, Any]]:
    """The trainable parameters of `tail` as an optimiser's groups, the lowest stage first, each with its `lr`.

    The stages above the thaw line learn at `settings.top_lr`, less by `layer_decay` for each stage further down; so do
    those of a text encoder. A new head learns at `settings.lr`.
    """
    groups = [group for tower in tail.towers for group in _tower(tower, settings)]
    pretrained = {id(parameter) for group in groups for parameter in group["params"]}
    new = [p for p in tail.parameters() if p.requires_grad and id(p) not in pretrained]
    if new:
        groups.append({"params": new, "lr": settings.lr})
    return groups


def adamw(
    parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]], device: torch.device, **given: Any
) -> torch.optim.AdamW:
    """AdamW over parameters that lie on `device`: in one pass over them, where PyTorch can, instead of a dozen."""
    return torch.optim.AdamW(parameters, fused=device.type in ("cpu", "cuda"), **given)


def optimiser_of(tail: Tail, settings: GradientSettings, device: torch.device) -> torch.optim.Optimizer:
    """What `settings` name, over the trainable parameters of `tail`, which lie on `device`."""
    groups = parameter_groups(tail, settings)
    given = {"lr": settings.lr, "weight_decay": settings.weight_decay, **settings.optimiser_settings}
    # The one pass undoes the scaling of 16-bit gradients within, where nobody could clip them.
    if settings.optimiser == ADAMW and not settings.optimiser_settings and settings.gradient_clip_val is None:
        return adamw(groups, device, **given)
    return make_optimiser(settings.optimiser, groups, **given)


def learning_rate_course(settings: GradientSettings, steps_per_epoch: int) -> Callable[[int], float]:
    """By what the learning rates are multiplied at each step.

    It follows from `settings.epochs`, not from how many epochs this training runs: a refit on all data, which stops
    where the folds were best, passes through the same rates as they did.
    """
    warmup = settings.warmup * steps_per_epoch
    total = settings.epochs * steps_per_epoch

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if settings.schedule == "constant":
            return 1.0
        return (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total - warmup)))) / 2

    return factor


def _tower(tower: nn.Module, settings: GradientSettings) -> list[dict[str, Any]]:
    """A group for each stage of one encoder that has trainable parameters."""
    stages = [[p for p in stage.parameters() if p.requires_grad] for stage in getattr(tower, "stages", [tower])]
    # A stage that has none, such as a ResNet's pooling on top, is no height to count from.
    learning = [parameters for parameters in stages if parameters]
    heights = reversed(range(len(learning)))
    return [
        {"params": parameters, "lr": settings.top_lr * settings.layer_decay**above}
        for above, parameters in zip(heights, learning, strict=True)
    ]
