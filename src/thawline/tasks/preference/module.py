"""What gradient descent trains for a taste."""

import torch
import torch.nn.functional as F

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.methods.linear import linear_layer
from thawline.fitting.tail import Tail
from thawline.tasks.photos.module import PhotosModule
from thawline.tasks.preference.problem import PreferenceProblem


class PreferenceModule(PhotosModule):
    """A head with one logit, that of a like, over an image encoder."""

    def __init__(self, problem: PreferenceProblem, samples: FeatureSet, tail: Tail | None = None) -> None:
        """Measure the head's scaling on the photos; where it leans to what was said in words, begin there.

        Args:
            problem: The task's data.
            samples: The photos to train on.
            tail: What to fit; None: a fresh one.
        """
        super().__init__(problem, samples, tail)
        if isinstance(self.tail.head, DenseHead) and self.tail.head.toward is not None:
            _begin(self.tail.head, self.tail.head.toward)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy of the logit of a like, each answer times what it counts for.

        Args:
            logits: [batch, 2]; that of a dislike is 0.
            targets: Classes [batch], or shares of them [batch, 2], each row times what its answer counts for.
        """
        shares = F.one_hot(targets, 2).to(logits.dtype) if targets.ndim == 1 else targets
        if self._weights is not None:
            shares = shares * self._weights
        counts = shares.sum(dim=1)
        liked = shares[:, 1] / counts * (1 - self._smoothing) + self._smoothing / 2
        return F.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], liked, weight=counts)


@torch.no_grad()
def _begin(head: DenseHead, toward: torch.Tensor) -> None:
    """Let the logit be at first what the words alone say of a photo whose features are as long as they are on average.

    That is `toward` times the unit vector of the features, with the mean of their squared lengths for their own.
    """
    mean, scale = head.standardise.mean, head.standardise.scale
    length = (mean.square().sum() + len(mean) * scale.square()).sqrt()
    layer = linear_layer(head)
    layer.weight.copy_((toward * scale / length)[None])
    layer.bias.copy_((toward @ mean / length)[None])
