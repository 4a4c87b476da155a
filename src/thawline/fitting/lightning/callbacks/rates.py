"""A learning rate found before the training: by the loss while the rate rises (arXiv 1506.01186, section 3.3)."""

import copy
import csv
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from thawline.errors import RunError
from thawline.files import write_text
from thawline.fitting.feature_set import Batch
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.module import TailModule, seed_step
from thawline.fitting.lightning.optimiser import optimiser_of
from thawline.fitting.named.callbacks import LrFinderSettings
from thawline.fitting.settings import GradientSettings

CURVE = "lr_finder.csv"
# As Lightning's finder has them: smoothing, how far the loss may rise, and what is left out at the beginning.
_SMOOTHING, _TOO_HIGH, _SKIPPED = 0.98, 4.0, 10


def find_rate(
    module: TailModule, data: TailData, own: LrFinderSettings, device: torch.device, directory: Path
) -> float:
    """The rate of a new head at which the loss of the training samples falls the most, by a copy of `module`.

    The same module and samples give the same rate. The curve goes into `directory`.

    Raises:
        RunError: The loss falls nowhere between the two rates.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        curve = _curve(copy.deepcopy(module).to(device).train(), data, own, device)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("lr", "loss"), *curve])
    write_text(directory / CURVE, text.getvalue())
    looked = np.array(curve[_SKIPPED:]).reshape(-1, 2)
    slopes = np.gradient(looked[:, 1]) if len(looked) > 1 else np.zeros(1)
    if slopes.min() >= 0:
        raise RunError(
            f"callbacks lr_finder: the loss falls nowhere between {own.min_lr:g} and {own.max_lr:g}; leave it out, and "
            "give method.lr"
        )
    return float(looked[slopes.argmin(), 0])


def with_rate(settings: GradientSettings, lr: float) -> GradientSettings:
    """`settings` with the rate `lr` of a new head, and a given one of the body in proportion."""
    body = settings.body_lr
    return replace(settings, lr=lr, body_lr=None if body is None else body * lr / settings.lr)


def _curve(
    module: TailModule, data: TailData, own: LrFinderSettings, device: torch.device
) -> list[tuple[float, float]]:
    """Each step's rate, and its loss, smoothed; it ends where that is four times the least."""
    settings = module.settings
    optimiser = optimiser_of(module.tail, settings, device)
    shares = [group["lr"] / settings.lr for group in optimiser.param_groups]
    curve: list[tuple[float, float]] = []
    mean, least = 0.0, math.inf
    for step, batch in zip(range(own.steps), _batches(data, device), strict=False):
        lr = own.min_lr * (own.max_lr / own.min_lr) ** (step / (own.steps - 1))
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = lr * share
        seed_step(module.seed, step, device)
        optimiser.zero_grad()
        loss = module.step(module.mixed(batch))["loss"]
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * float(loss.detach())
        smoothed = mean / (1 - _SMOOTHING ** (step + 1))
        if not math.isfinite(smoothed) or (step and smoothed > _TOO_HIGH * least):
            break
        least = min(least, smoothed)
        curve.append((lr, smoothed))
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.gradient_clip_val is not None:
            clip = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_
            clip[settings.gradient_clip_algorithm == "value"](module.parameters(), settings.gradient_clip_val)
        optimiser.step()
    return curve


def _batches(data: TailData, device: torch.device) -> Iterator[Batch]:
    """The batches of the training, epoch after epoch, without end."""
    loader = data.train_dataloader()
    epoch = 0
    while True:
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]  # it is an `EpochBatches`
        for place in loader.sampler:
            features, targets = loader.dataset[place]
            yield {name: tensor.to(device) for name, tensor in features.items()}, targets.to(device)
        epoch += 1
