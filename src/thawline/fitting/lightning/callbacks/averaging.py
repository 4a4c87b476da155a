"""Averages of the weights. What is averaged is what the inner samples judge, and what every checkpoint holds."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from thawline.fitting.lightning.imported import L
from thawline.fitting.named.callbacks import EmaSettings, SwaSettings
from thawline.fitting.settings import GradientSettings


class Averaging(L.callbacks.WeightAveraging):
    """Lightning's averaging of weights, which has the average judged and saved, but only once there is one.

    Lightning would judge the starting weights until then. Buffers follow the network: Lightning would average the
    numbers of classes among them.
    """

    def __init__(self, **how: Any) -> None:
        """Take what PyTorch's `AveragedModel` takes."""
        super().__init__(use_buffers=False, **how)

    @property
    def begun(self) -> bool:
        """Whether there is an average."""
        return self._average_model is not None and int(self._average_model.n_averaged) > 0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Copy the module, to where it is about to be moved."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    @property
    def module(self) -> Any:
        """A copy of the module, with the average for its weights."""
        assert self._average_model is not None  # noqa: S101  # made by `setup`
        return self._average_model.module

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Have the average judged."""
        if self.begun:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on with the weights that train."""
        if self.begun:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the average."""
        if self.begun:
            super().on_train_end(trainer, pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save the average as the weights, and the weights that train beside it."""
        if self.begun:
            super().on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on with both."""
        if "averaging_state" not in checkpoint:
            return
        assert self._average_model is not None  # noqa: S101  # made by `setup`
        average = {f"module.{name}": tensor for name, tensor in checkpoint["state_dict"].items()}
        # Of adapters a checkpoint holds what trains.
        self._average_model.load_state_dict(average | checkpoint["averaging_state"], strict=pl_module.strict_loading)
        pl_module.load_state_dict(checkpoint["current_model_state"])


@dataclass(frozen=True)
class _Toward:
    """Draws averages toward the weights by interpolation, which leaves what doesn't train as it is, to the bit."""

    decay: float
    warmup: bool

    def __call__(self, averages: list[torch.Tensor], weights: list[torch.Tensor], updates: torch.Tensor) -> None:
        decay = min(self.decay, (1 + int(updates)) / (10 + int(updates))) if self.warmup else self.decay
        torch._foreach_lerp_(averages, weights, 1 - decay)


class Ema(Averaging):
    """The exponential moving average, step by step."""

    def __init__(self, own: EmaSettings, method: GradientSettings) -> None:
        """Take its settings."""
        super().__init__(multi_avg_fn=_Toward(own.decay, own.warmup))
        self._own = own

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Whether the step counts, from 0."""
        own = self._own
        return (
            step_idx is not None and step_idx >= own.update_starting_at_step and not step_idx % own.update_every_n_steps
        )


class Swa(Averaging):
    """The mean over the ends of the last epochs, at a rate of its own."""

    def __init__(self, own: SwaSettings, method: GradientSettings) -> None:
        """Take its settings and the method's."""
        super().__init__()
        self._own = own
        self._method = method

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the rates, a function of the step's number alone."""
        own = self._own
        per_epoch = math.ceil(int(trainer.num_training_batches) / trainer.accumulate_grad_batches)
        start = self._first(trainer) * per_epoch
        if own.lr is None or trainer.global_step < start:
            return
        course: Any = trainer.lr_scheduler_configs[0].scheduler
        along = min(1.0, (trainer.global_step - start) / max(1, own.annealing_epochs * per_epoch))
        along = along if own.annealing_epochs else 1.0
        wanted = own.lr / self._method.lr
        for group, base, factor in zip(
            trainer.optimizers[0].param_groups, course.base_lrs, course.lr_lambdas, strict=True
        ):
            group["lr"] = base * (wanted + (factor(start) - wanted) * (1 + math.cos(math.pi * along)) / 2)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the weights at the end of an epoch in, before the inner samples judge it."""
        if trainer.is_last_batch and trainer.current_epoch >= self._first(trainer):
            assert self._average_model is not None  # noqa: S101  # made by `setup`
            self._average_model.update_parameters(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Lightning would take them in here, when they were judged already."""

    def _first(self, trainer: L.Trainer) -> int:
        """The first epoch that counts: by the method, so that a refit, which ends earlier, has the same."""
        longest = trainer.max_epochs or self._method.epochs
        return min(math.floor(self._own.start * self._method.epochs), longest - 1)


def averaging_of(trainer: L.Trainer) -> Averaging | None:
    """What averages the weights in a training; None: nothing does."""
    return next((each for each in trainer.callbacks if isinstance(each, Averaging)), None)  # type: ignore[attr-defined]


def is_kept(trainer: L.Trainer) -> bool:
    """Whether the weights are such as may be kept: averaged, where they are to be."""
    averaging = averaging_of(trainer)
    return averaging is None or averaging.begun
