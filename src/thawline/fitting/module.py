"""The one LightningModule that fits a tail; tasks subclass it thinly."""

import lightning.pytorch as L
import torch
import torch.nn.functional as F
from torch import nn

from thawline.errors import RunError
from thawline.fitting.feature_set import Features
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail

Batch = tuple[Features, torch.Tensor]


class TailModule(L.LightningModule):
    """Trains a tail from stored features by AdamW; a subclass states the loss."""

    def __init__(self, tail: Tail, settings: GradientSettings, *, penalty: float, seed: int) -> None:
        """Remember where the pretrained parameters start.

        Args:
            tail: What is fitted.
            settings: Learning rate, weight decay.
            penalty: λ of λ‖W−W₀‖² over the pretrained parameters of the tail; 0: none.
            seed: Fixes the random state of every step.
        """
        super().__init__()
        self.tail = tail
        self._settings = settings
        self._penalty = penalty
        self._seed = seed
        self._start = {name: p.detach().clone() for name, p in self._pretrained()} if penalty else {}

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, without the penalty."""
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

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the random state anew at the line, a function of seed and step alone: a resumed run draws the same."""
        torch.manual_seed(self._seed * 1_000_003 + self.global_step)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """One step; a loss that is not finite stops the run."""
        loss = self.step(batch)["loss"]
        if not torch.isfinite(loss):
            raise RunError(
                f"the training loss became {loss.item()} in epoch {self.current_epoch}; try a smaller method.lr"
            )
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Cross-entropy and accuracy on the inner samples: what early stopping and the best epoch are chosen by."""
        features, targets = batch
        logits = self(features)
        self.log("inner_loss", F.cross_entropy(logits, targets), batch_size=len(targets))
        self.log("inner_accuracy", (logits.argmax(dim=1) == targets).float().mean(), batch_size=len(targets))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over exactly the trainable parameters."""
        trainable = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trainable, lr=self._settings.lr, weight_decay=self._settings.weight_decay)

    def _pretrained(self) -> list[tuple[str, nn.Parameter]]:
        """The trainable parameters that were pretrained: the encoder's stages, and the text encoder's in the head."""
        stages = [("stages", self.tail.stages), ("text", getattr(self.tail.head, "text_stages", None))]
        return [
            (f"{prefix}.{name}", parameter)
            for prefix, module in stages
            if module is not None
            for name, parameter in module.named_parameters()
            if parameter.requires_grad
        ]

    def _distance(self) -> torch.Tensor:
        """λ‖W−W₀‖²."""
        if not self._start:
            return torch.zeros((), device=self.device)
        distances = [(p - self._start[name].to(p.device)).square().sum() for name, p in self._pretrained()]
        return self._penalty * torch.stack(distances).sum()
