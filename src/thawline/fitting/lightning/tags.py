"""Fitting a tail that tells several classes of a sample, each by itself."""

import torch
import torch.nn.functional as F

from thawline.fitting.feature_set import Batch
from thawline.fitting.lightning.imported import torchmetrics
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


class TagsModule(TailModule):
    """A tail over the logits of classes of which a sample can have several. Targets number the sets of classes."""

    _sets: torch.Tensor
    _weights: torch.Tensor | None

    def __init__(
        self, tail: Tail, settings: GradientSettings, *, targets: torch.Tensor, sets: torch.Tensor, seed: int
    ) -> None:
        """Fix what depends on the training samples.

        Args:
            tail: What is fitted.
            settings: The method's.
            targets: The set of each training sample, [n].
            sets: Which classes are in each set, 0 or 1, [sets, classes].
            seed: Fixes the random state of every step.
        """
        per_class = len(targets) / tail.head.classes
        penalty = 1 / per_class if settings.penalty == "per_class" else float(settings.penalty or 0.0)
        super().__init__(tail, settings, samples=len(targets), seed=seed, penalty=penalty)
        self.inner_accuracy = torchmetrics.MeanMetric()
        self._smoothing = settings.label_smoothing
        self.register_buffer("_sets", sets.float(), persistent=False)
        weights = positive_weights(sets[targets]) if settings.class_weights == "balanced" else None
        self.register_buffer("_weights", weights, persistent=False)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy of each class, the mean over classes; smoothing draws each target toward a half."""
        wanted = self._sets[targets] * (1 - self._smoothing) + self._smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=self._weights)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Binary cross-entropy on the inner samples, and how often the most probable class is one of the true ones."""
        features, targets = batch
        loss, accuracy = self.inner_batch(self.inner_output(features), targets)
        self.inner_loss.update(loss, len(targets))
        self.inner_accuracy.update(accuracy, len(targets))
        self.log_inner(len(targets))

    def inner_batch(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `validation_step`."""
        wanted = self._sets[targets]
        hit = wanted.gather(1, outputs.argmax(dim=1)[:, None]).mean()
        return F.binary_cross_entropy_with_logits(outputs, wanted), hit


def positive_weights(marked: torch.Tensor) -> torch.Tensor:
    """What each class's positives count beside its negatives, so that both count the same in all, [classes].

    Args:
        marked: Which classes the training samples have, [n, classes].
    """
    positive = marked.float().sum(dim=0)
    return (len(marked) - positive).clamp(min=1) / positive.clamp(min=1)
