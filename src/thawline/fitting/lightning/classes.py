"""Fitting a tail over the logits of classes."""

import torch
import torch.nn.functional as F

from thawline.fitting.lightning.losses import class_weights, contrastive_loss
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


class ClassesModule(TailModule):
    """A tail over the logits of classes."""

    _weights: torch.Tensor | None

    def __init__(
        self, tail: Tail, settings: GradientSettings, *, targets: torch.Tensor, seed: int, mixup: float = 0.0
    ) -> None:
        """Fix what depends on the training samples' classes `targets`, [n].

        λ: ProLIP's own choice is 1/N with N photos a class (arXiv 2410.05270, section 4.2).
        """
        per_class = len(targets) / tail.head.classes
        penalty = 1 / per_class if settings.penalty == "per_class" else float(settings.penalty or 0.0)
        super().__init__(tail, settings, samples=len(targets), seed=seed, penalty=penalty, mixup=mixup)
        self._contrastive = settings.loss == "contrastive"
        self._smoothing = settings.label_smoothing
        weights = class_weights(targets, tail.head.classes) if settings.class_weights == "balanced" else None
        self.register_buffer("_weights", weights, persistent=False)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over the classes, or the contrastive loss of the original recipe."""
        if self._contrastive:
            return contrastive_loss(logits, targets)
        return F.cross_entropy(logits, targets, weight=self._weights, label_smoothing=self._smoothing)
