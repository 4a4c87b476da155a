"""The events task's tail and its loss."""

import torch
import torch.nn.functional as F

from thawline.fitting.losses import contrastive_loss
from thawline.fitting.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


class EventsModule(TailModule):
    """A tail over the logits of event classes."""

    def __init__(self, tail: Tail, settings: GradientSettings, *, photos_per_class: float, seed: int) -> None:
        """Fix λ: ProLIP's own choice is 1/N with N photos a class (arXiv 2410.05270, section 4.2)."""
        penalty = 1 / photos_per_class if settings.penalty == "per_class" else float(settings.penalty or 0.0)
        super().__init__(tail, settings, penalty=penalty, seed=seed)
        self._contrastive = settings.loss == "contrastive"

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over the classes, or the contrastive loss of the original recipe."""
        return contrastive_loss(logits, targets) if self._contrastive else F.cross_entropy(logits, targets)
