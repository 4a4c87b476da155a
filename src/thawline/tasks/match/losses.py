"""Fitting a tail over image–text pairs: the losses over single pairs and over whole batches."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from thawline.fitting.feature_set import Batch, Features, FeatureSet
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.tasks.match.fitted import fit_platt
from thawline.tasks.match.tail import IMAGE_ID, TEXT_ID, PairTail

MARGIN = 0.2  # VSE++, arXiv 1707.05612, section 4.1


class PairsModule(TailModule):
    """A tail over image–text pairs: by the pairs' own labels, or by all pairings within a batch."""

    tail: PairTail
    _matches: torch.Tensor

    def __init__(
        self,
        tail: PairTail,
        settings: GradientSettings,
        *,
        samples: FeatureSet,
        matches: NDArray[np.int64],
        seed: int,
    ) -> None:
        """Remember which texts are true of which images.

        Args:
            tail: What is fitted.
            settings: The method's.
            samples: What it is fitted on.
            matches: Image and text number of each match among them, [matches, 2].
            seed: Fixes the random state of every step.
        """
        super().__init__(tail, settings, samples=len(samples), seed=seed, penalty=float(settings.penalty or 0.0))
        self._loss = settings.loss
        self._inner: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._stride = 1 + int(matches[:, 1].max(initial=0))
        known = np.unique(matches[:, 0] * self._stride + matches[:, 1])
        self.register_buffer("_matches", torch.from_numpy(known), persistent=False)

    @property
    def steps_by_logits(self) -> bool:
        """True for the loss of single pairs."""
        return self._loss == "sigmoid"

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy of the pairs' own labels: of logits 0 and z it is that of sigmoid(z)."""
        return F.cross_entropy(logits, targets)

    def step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss by its name, with the penalty; `output` are the pairs' logits."""
        features, targets = batch
        if self._loss == "sigmoid":
            return super().step(batch)
        images, texts = self.tail.embed(features)
        cosine = images @ texts.T
        known = self._known(features)
        logits = self.tail.head.pair_logits(cosine.diagonal())
        return {"loss": self._over_batch(cosine, known, targets) + self._distance(), "output": logits}

    def on_validation_epoch_start(self) -> None:
        """No inner pairs are seen yet."""
        self._inner.clear()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Keep the cosines of the inner pairs for the end of the epoch."""
        features, targets = batch
        self._inner.append((self.inner_output(features), targets))

    def inner_output(self, features: Features) -> torch.Tensor:
        """The cosine of each pair, [batch]."""
        images, texts = self.tail.embed(features)
        return (images * texts).sum(dim=-1).float()

    def on_validation_epoch_end(self) -> None:
        """Cross-entropy and accuracy by the scale and the bias that fit the inner pairs best.

        Those are fitted once more after the training, so the best epoch is the one whose cosines are best.
        """
        cosine, targets = (torch.cat(parts) for parts in zip(*self._inner, strict=True))
        score = _calibrated(cosine, targets)
        self.inner_loss.update(F.binary_cross_entropy_with_logits(score, targets.float()))
        self.inner_accuracy.update((score > 0).long(), targets)
        self.log_inner(len(targets))

    def inner_figures(self, outputs: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> tuple[float, float]:
        """The same of the cosines of all inner pairs."""
        wanted = torch.cat(list(targets))
        score = _calibrated(torch.cat(list(outputs)), wanted)
        accuracy = ((score > 0).long() == wanted).float().mean()
        return float(F.binary_cross_entropy_with_logits(score, wanted.float())), float(accuracy)

    def _over_batch(self, cosine: torch.Tensor, known: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss over all pairings [batch, batch] of a batch's images and texts; `known`: those that are true."""
        head = self.tail.head
        if self._loss == "siglip":
            score = head.log_scale.exp() * cosine + head.bias
            return F.softplus(torch.where(known, -score, score)).sum(dim=1).mean()
        own = torch.eye(len(cosine), dtype=torch.bool, device=cosine.device)
        anchors = targets == 1
        if not anchors.any():
            return cosine.sum() * 0.0  # a batch of mismatches says nothing here
        # Another text that is true of the image is neither its own nor a stranger.
        others = known & ~own
        if self._loss == "infonce":
            score = (head.log_scale.exp() * cosine).masked_fill(others, -torch.inf)
            place = torch.arange(len(cosine), device=cosine.device)
            losses = F.cross_entropy(score, place, reduction="none") + F.cross_entropy(score.T, place, reduction="none")
            return losses[anchors].mean() / 2
        return _triplet(cosine, known | own)[anchors].mean()

    def _known(self, features: Features) -> torch.Tensor:
        """Which image of a batch each of its texts is known to be true of, [batch, batch]."""
        codes = features[IMAGE_ID][:, None] * self._stride + features[TEXT_ID][None, :]
        # Texts that stand in mismatches alone may have numbers above all matches'.
        within = (features[TEXT_ID] < self._stride)[None, :]
        return torch.isin(codes, self._matches) & within


def _calibrated(cosine: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The logits of cosines [n] by the scale and the bias that fit `targets` [n] best."""
    scale, bias = fit_platt(cosine.cpu().numpy(), targets.cpu().numpy())
    return scale * cosine + bias


def _triplet(cosine: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The hinge over the hardest stranger, both ways, of each pair on the diagonal, [batch] (VSE++, equation 6)."""
    strangers = cosine.masked_fill(right, -torch.inf)
    own = cosine.diagonal()
    text, image = strangers.max(dim=1).values, strangers.max(dim=0).values
    return F.relu(MARGIN + text - own) + F.relu(MARGIN + image - own)
