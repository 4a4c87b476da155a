"""The tail: the encoder's stages above the thaw line, and the head."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.feature_set import Features, FeatureSet
from thawline.fitting.heads.head import Head


class Tail(nn.Module):
    """What is fitted. Its parameters that require a gradient are exactly those that train.

    Attributes:
        sets: Where a sample can have several classes, the sets of them that there are, bool [sets, classes], which
            targets number: each class is told by itself, and their probabilities don't sum to 1. None: it has one.
        levels: Where a sample has a score, not a class, the scores that there are, [levels], which targets number: the
            tail gives one number a sample, which is its score. None: it has classes.
    """

    def __init__(
        self,
        stages: nn.Module,
        head: Head,
        *,
        sets: NDArray[np.bool_] | None = None,
        levels: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__()
        self.stages = stages
        self.head: Head = head
        self.sets = sets
        self.levels = levels

    @property
    def several(self) -> bool:
        """Whether a sample can have several classes."""
        return self.sets is not None

    @property
    def scored(self) -> bool:
        """Whether a sample has a score, not a class."""
        return self.levels is not None

    def scores_of(self, targets: NDArray[np.int64]) -> NDArray[np.float64]:
        """The scores of the samples whose `targets` number them, [n]."""
        if self.levels is None:
            raise TypeError("samples have classes")
        return self.levels[targets]

    def sets_of(self, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which classes the samples have whose sets `targets` number, [n, classes]."""
        if self.sets is None:
            raise TypeError("each sample has one class")
        return self.sets[targets]

    @property
    def towers(self) -> list[nn.Module]:
        """The stages that were pretrained: the encoder's, and the text encoder's in the head."""
        text = getattr(self.head, "text_stages", None)
        return [self.stages] if text is None else [self.stages, text]

    def forward(self, features: Features) -> torch.Tensor:
        """Named tensors at the thaw line to logits [batch, classes]."""
        leaving = self.stages(features)
        logits: torch.Tensor = self.head(leaving if self.head.whole else leaving["features"])
        return logits


@torch.no_grad()
def final_features(stages: nn.Module, samples: FeatureSet) -> torch.Tensor:
    """What `stages`, as they are now, make of `samples` at the end of the encoder, [n, dim]."""
    stages.eval()
    return torch.cat([stages(features)["features"] for features in _batches(samples)])


@torch.no_grad()
def predict(tail: Tail, samples: FeatureSet, device: torch.device | None = None) -> NDArray[np.float32]:
    """Class probabilities of `samples`, [n, classes]; of samples in parts those of the mean of the parts' logits.

    Where a sample can have several classes each is that of one class by itself. Where it has a score that is given
    instead, [n, 1].
    """
    device = device or torch.device("cpu")
    tail = tail.to(device).eval()
    parts = []
    for features in _batches(samples):
        logits = tail({name: tensor.to(device) for name, tensor in features.items()})
        parts.append(logits.float().cpu())
    tail.cpu()
    logits = torch.cat(parts)
    if samples.owners is not None:
        logits = pool(logits, torch.from_numpy(samples.owners))
    if tail.scored:
        scores: NDArray[np.float32] = logits.numpy()
        return scores
    return (torch.sigmoid(logits) if tail.several else torch.softmax(logits, dim=-1)).numpy()


def pool(logits: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
    """The mean of the logits [n, classes] of each owner's parts, [owners, classes]; `owners` [n] counts from 0."""
    count = int(owners.max()) + 1
    sums = torch.zeros(count, logits.shape[1]).index_add(0, owners, logits)
    return sums / torch.bincount(owners, minlength=count)[:, None]


def _batches(samples: FeatureSet) -> Iterator[Features]:
    for positions in in_batches(samples):
        features, _ = samples[positions]
        yield features


def in_batches(samples: FeatureSet) -> list[NDArray[np.int64]]:
    """The positions of `samples` in their order, as many together as are predicted in one pass."""
    starts = range(0, len(samples), samples.at_once)
    return [np.arange(start, min(start + samples.at_once, len(samples))) for start in starts]
