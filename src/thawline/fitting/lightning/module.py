"""The LightningModule below every task's: it fits a tail."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from thawline.errors import RunError
from thawline.fitting.feature_set import Batch, Features
from thawline.fitting.few_shot import LoraSettings
from thawline.fitting.lightning.adapters import add_adapters, merged_state, without_frozen
from thawline.fitting.lightning.feeding import batches_per_epoch
from thawline.fitting.lightning.imported import L, torchmetrics
from thawline.fitting.lightning.mixup import mix
from thawline.fitting.lightning.optimiser import learning_rate_course, optimiser_of
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail

LOSSES = "epoch_losses"


class TailModule(L.LightningModule):
    """Trains a tail from stored features by gradient descent; a subclass states the loss.

    Attributes:
        tail: What is fitted.
        settings: Learning rates and their course, weight decay.
        seed: Fixes the random state of every step.
        penalty: λ of λ‖W−W₀‖² over the pretrained parameters of the tail; 0: none.
        steps_per_epoch: How many batches the training samples make.
    """

    def __init__(
        self,
        tail: Tail,
        settings: GradientSettings,
        *,
        samples: int,
        seed: int,
        penalty: float = 0.0,
        mixup: float = 0.0,
    ) -> None:
        """Remember where the pretrained parameters start.

        Args:
            tail: What is fitted.
            settings: Learning rates and their course, weight decay.
            samples: How many there are to train on.
            seed: Fixes the random state of every step.
            penalty: λ of λ‖W−W₀‖² over the pretrained parameters of the tail; 0: none.
            mixup: α of MixUp; 0: none.
        """
        super().__init__()
        if isinstance(settings, LoraSettings):
            torch.manual_seed(seed)
            add_adapters(tail, settings)
            self.strict_loading = False  # checkpoints hold what trains
        self.tail = tail
        self.settings = settings
        self._samples = samples
        self.steps_per_epoch = batches_per_epoch(samples, settings.batch_size)
        self.seed = seed
        self.penalty = penalty
        self._mixup = mixup
        self._start = {name: p.detach().clone() for name, p in self._pretrained()} if penalty else {}
        # Not a metric: a checkpoint within an epoch holds the sum, in double precision, which not every device has.
        self._losses, self._seen = 0.0, 0
        # A loss that is no number makes the mean none.
        self.inner_loss = torchmetrics.MeanMetric(nan_strategy=float("nan"))
        # Of scores there is no accuracy, and none is logged.
        self.inner_accuracy: torchmetrics.Metric = (
            torchmetrics.MeanMetric()
            if tail.scored
            else torchmetrics.classification.MulticlassAccuracy(tail.head.classes, average="micro")
        )

    def fitted(self) -> dict[str, torch.Tensor]:
        """The state-dict of the tail as it is, on the CPU; what adapters learnt is in the weights."""
        state = merged_state(self.tail) if isinstance(self.settings, LoraSettings) else self.tail.state_dict()
        return {name: tensor.detach().cpu() for name, tensor in state.items()}

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, without the penalty.

        Args:
            logits: [batch, classes].
            targets: Classes [batch], or shares of them [batch, classes], each row times how much its sample counts.
        """
        raise NotImplementedError(f"{type(self).__name__} states no loss")

    def forward(self, features: Features) -> torch.Tensor:
        """Named tensors at the thaw line to logits [batch, classes]."""
        logits: torch.Tensor = self.tail(features)
        return logits

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """`loss` with the penalty, and `output`, the logits."""
        features, targets = batch
        logits = self(features)
        return {"loss": self.loss(logits, targets) + self._distance(), "output": logits}

    @property
    def steps_by_logits(self) -> bool:
        """Whether a step is the loss of the tail's logits and the penalty, no more, so that tails can be stacked."""
        return not self._mixup

    def on_train_start(self) -> None:
        """Train mode, which Lightning leaves to the module: a tail's stages come in eval mode."""
        self.train()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the random state anew at the line, a function of seed and batch alone: a resumed run draws the same."""
        several = self.settings.accumulate_grad_batches > 1  # of which each needs a state of its own
        number = self.current_epoch * self.steps_per_epoch + batch_idx if several else self.global_step
        seed_step(self.seed, number, self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """One step; a loss that is not finite stops the run."""
        size = self._size(batch_idx)
        loss = self.step(self.mixed(batch))["loss"] * self._share(len(batch[1]), size)
        mean = self._over_processes(loss.detach())
        if not math.isfinite(mean):
            raise RunError(f"the training loss became {mean} in epoch {self.current_epoch}; try a smaller method.lr")
        self._losses += mean * size
        self._seen += size
        return loss

    def mixed(self, batch: Batch) -> Batch:
        """The batch as a step takes it, its samples mixed by MixUp where that is wanted."""
        return mix(batch, self._mixup, self.tail.head.classes) if self._mixup else batch

    def _size(self, batch_idx: int) -> int:
        """How many samples a batch has over all processes; the last one of an epoch has what is left."""
        size = self.settings.batch_size
        return size if batch_idx + 1 < self.steps_per_epoch else self._samples - batch_idx * size

    def _share(self, samples: int, size: int) -> float:
        """By how much the mean over `samples` counts, so that the mean of all processes' is that of the whole batch.

        Args:
            samples: How many of the batch are this process's.
            size: How many the whole batch has.
        """
        world = _processes()
        return 1.0 if world == 1 or size < world else samples * world / size

    def _over_processes(self, loss: torch.Tensor) -> float:
        """The mean of all processes' losses: each of them has seen its share alone."""
        if _processes() > 1:
            loss = self.trainer.strategy.reduce(loss.clone(), reduce_op="mean")
        return float(loss)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Log the epoch's mean loss once. Lightning would add it up too, but a checkpoint would not hold the sum."""
        if self.trainer.is_last_batch:
            # Summed over processes already.
            mean = self._losses / self._seen
            self.log("train_loss", mean, on_step=False, on_epoch=True, batch_size=self._seen, sync_dist=True)
            self._losses, self._seen = 0.0, 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the losses of the epoch so far, for a resumed one to go on with, and of adapters no more than them."""
        checkpoint[LOSSES] = (self._losses, self._seen)
        if not self.strict_loading:
            checkpoint["state_dict"] = without_frozen(checkpoint["state_dict"], self)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the losses of the epoch so far."""
        self._losses, self._seen = checkpoint[LOSSES]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Cross-entropy and accuracy on the inner samples: what early stopping and the best epoch are chosen by."""
        features, targets = batch
        logits = self.inner_output(features)
        self.inner_loss.update(self.inner_batch(logits, targets)[0], len(targets))
        self.inner_accuracy.update(logits, targets)
        self.log_inner(len(targets))

    def inner_output(self, features: Features) -> torch.Tensor:
        """What the inner samples are judged by, [batch, …]: their logits."""
        logits: torch.Tensor = self(features)
        return logits

    def inner_figures(self, outputs: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> tuple[float, float]:
        """The loss and the accuracy that `validation_step` logs, of the outputs and targets of all its batches."""
        figures = [self.inner_batch(*batch) for batch in zip(outputs, targets, strict=True)]
        counts = torch.tensor([float(len(batch)) for batch in targets])
        loss, accuracy = ((torch.stack(each) * counts).sum() / counts.sum() for each in zip(*figures, strict=True))
        return float(loss), float(accuracy)

    def inner_batch(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean loss and the accuracy of one batch of inner samples."""
        return F.cross_entropy(outputs, targets), (outputs.argmax(dim=1) == targets).float().mean()

    def log_inner(self, samples: int) -> None:
        """Have what the metrics say of all inner samples logged once an epoch; they have seen `samples` more."""
        metrics = {"inner_loss": self.inner_loss, "inner_accuracy": self.inner_accuracy}
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=samples)

    def configure_optimizers(self) -> Any:
        """The optimiser, over exactly the trainable parameters, each group with its own rate, set anew every step."""
        optimiser = optimiser_of(self.tail, self.settings, self.device)
        steps = math.ceil(self.steps_per_epoch / self.settings.accumulate_grad_batches)
        course = learning_rate_course(self.settings, steps)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, course)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _pretrained(self) -> list[tuple[str, nn.Parameter]]:
        """The trainable parameters that were pretrained."""
        return [
            (f"{number}.{name}", parameter)
            for number, tower in enumerate(self.tail.towers)
            for name, parameter in tower.named_parameters()
            if parameter.requires_grad
        ]

    def _distance(self) -> torch.Tensor:
        """λ‖W−W₀‖²."""
        if not self._start:
            return torch.zeros((), device=self.device)
        distances = [(p - self._start[name].to(p.device)).square().sum() for name, p in self._pretrained()]
        return self.penalty * torch.stack(distances).sum()


def seed_step(seed: int, step: int, device: torch.device) -> None:
    """Set the random state of a training step, a function of the run's seed and the step's number alone."""
    seed = seed * 1_000_003 + step
    if device.type == "cpu":
        # `torch.manual_seed` seeds every kind of accelerator too, which takes as long as a step does.
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _processes() -> int:
    """How many processes train together."""
    started = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if started else 1
