"""What is noted of a training, a figure an epoch, in `history.csv` and in the run's mirror."""

import math
from typing import Any

import torch

from thawline.fitting.lightning.imported import L
from thawline.fitting.named.callbacks import CallbackSettings
from thawline.fitting.settings import GradientSettings


class Monitor(L.Callback):
    """Gives the history figures of each epoch."""

    def __init__(self, own: CallbackSettings, method: GradientSettings) -> None:
        """It has no settings."""

    def names(self, trainer: L.Trainer) -> list[str]:
        """What the figures are called."""
        raise NotImplementedError(f"{type(self).__name__} notes nothing")

    def figures(self) -> list[float]:
        """Those of the epoch that has just ended, as many as there are names."""
        raise NotImplementedError(f"{type(self).__name__} notes nothing")


class LearningRateMonitor(Monitor):
    """The rates of an epoch's last step: of one group of parameters `lr`, of several `lr_1`, …, the lowest stage first.

    Lightning's needs a logger of its own, beside the run's mirror.
    """

    _rates: tuple[float, ...] = ()

    def names(self, trainer: L.Trainer) -> list[str]:
        """One a group."""
        groups = len(trainer.optimizers[0].param_groups)
        return ["lr"] if groups == 1 else [f"lr_{number}" for number in range(1, groups + 1)]

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Note them."""
        self._rates = tuple(float(group["lr"]) for group in optimizer.param_groups)

    def figures(self) -> list[float]:
        """Those of the last step."""
        return list(self._rates)


class GradientNorm(Monitor):
    """The norm of the gradient of all that trains, before it is clipped: its mean and its greatest in an epoch."""

    _sum, _most, _steps = 0.0, 0.0, 0

    def names(self, trainer: L.Trainer) -> list[str]:
        """Both."""
        return ["gradient_norm", "gradient_norm_max"]

    def on_before_optimizer_step(
        self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Note a step's."""
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        self._sum, self._most, self._steps = self._sum + norm, max(self._most, norm), self._steps + 1

    def figures(self) -> list[float]:
        """The epoch's, with which the next one begins anew."""
        mean, most = self._sum / self._steps if self._steps else math.nan, self._most
        self._sum, self._most, self._steps = 0.0, 0.0, 0
        return [mean, most]

    def state_dict(self) -> dict[str, Any]:
        """What was noted of the epoch so far."""
        return {"sum": self._sum, "most": self._most, "steps": self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with that."""
        self._sum, self._most, self._steps = state_dict["sum"], state_dict["most"], state_dict["steps"]


def monitors_of(trainer: L.Trainer) -> list[Monitor]:
    """Those of a training."""
    return [each for each in trainer.callbacks if isinstance(each, Monitor)]  # type: ignore[attr-defined]
