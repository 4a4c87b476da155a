"""Fitting a tail that gives a score."""

import torch
import torch.nn.functional as F

from thawline.fitting.feature_set import Batch, Features
from thawline.fitting.heads.scores import OrdinalHead, ScoreHead
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


class ScoresModule(TailModule):
    """A tail that gives a score. Targets number the scores that there are, `tail.levels`."""

    _levels: torch.Tensor

    def __init__(self, tail: Tail, settings: GradientSettings, *, targets: torch.Tensor, seed: int) -> None:
        """Measure the scores of the training samples, whose `targets` [n] number them."""
        super().__init__(tail, settings, samples=len(targets), seed=seed, penalty=float(settings.penalty or 0.0))
        scores = tail.scores_of(targets.numpy())
        self._head.measure(scores)
        self.register_buffer("_levels", torch.from_numpy(tail.levels).float(), persistent=False)
        self._loss = settings.loss or "mse"

    @property
    def _head(self) -> ScoreHead | OrdinalHead:
        head = self.tail.head
        if not isinstance(head, ScoreHead | OrdinalHead):
            raise TypeError(f"a {type(head).__name__} gives no score")
        return head

    @property
    def steps_by_logits(self) -> bool:
        """No: what the loss is of is not what the tail gives."""
        return False

    def forward(self, features: Features) -> torch.Tensor:
        """Named tensors at the thaw line to what the loss is of, [batch, 1], or of ordered answers [batch, K - 1]."""
        return self._head.raw(self.tail.stages(features)["features"])

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, in which the training samples' scores have mean 0 and spread 1.

        The squared error; Huber's (1964), which grows as the absolute error beyond one spread; or of ordered answers
        the binary cross-entropy of each being exceeded, the sum over these (CORAL, arXiv 1901.07884).
        """
        head, scores = self._head, self._levels[targets][:, None]
        if isinstance(head, OrdinalHead):
            above = (scores > head.levels[:-1]).float()
            return F.binary_cross_entropy_with_logits(logits, above, reduction="sum") / len(logits)
        wanted = head.standardised(scores)
        return F.huber_loss(logits, wanted) if self._loss == "huber" else F.mse_loss(logits, wanted)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The loss on the inner samples: what early stopping and the best epoch are chosen by."""
        features, targets = batch
        self.inner_loss.update(self.loss(self(features), targets), len(targets))
        self.log_inner(len(targets))

    def log_inner(self, samples: int) -> None:
        """Have the mean loss over all inner samples logged once an epoch."""
        self.log("inner_loss", self.inner_loss, on_step=False, on_epoch=True, batch_size=samples)
