"""The tail: the encoder's stages above the thaw line, and the head."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.feature_set import Features, FeatureSet
from thawline.fitting.heads import Head

PREDICTION_BATCH = 256


class Tail(nn.Module):
    """What is fitted. Its parameters that require a gradient are exactly those that train."""

    def __init__(self, stages: nn.Module, head: Head) -> None:
        super().__init__()
        self.stages = stages
        self.head: Head = head

    @property
    def towers(self) -> list[nn.Module]:
        """The stages that were pretrained: the encoder's, and the text encoder's in the head."""
        text = getattr(self.head, "text_stages", None)
        return [self.stages] if text is None else [self.stages, text]

    def forward(self, features: Features) -> torch.Tensor:
        """Named tensors at the thaw line to logits [batch, classes]."""
        logits: torch.Tensor = self.head(self.stages(features)["features"])
        return logits


@torch.no_grad()
def final_features(stages: nn.Module, samples: FeatureSet) -> torch.Tensor:
    """What `stages`, as they are now, make of `samples` at the end of the encoder, [n, dim]."""
    stages.eval()
    return torch.cat([stages(features)["features"] for features in _batches(samples)])


@torch.no_grad()
def predict(tail: Tail, samples: FeatureSet, device: torch.device | None = None) -> NDArray[np.float32]:
    """Class probabilities of `samples`, [n, classes]."""
    device = device or torch.device("cpu")
    tail = tail.to(device).eval()
    parts = []
    for features in _batches(samples):
        logits = tail({name: tensor.to(device) for name, tensor in features.items()})
        parts.append(torch.softmax(logits.float(), dim=-1).cpu())
    tail.cpu()
    return torch.cat(parts).numpy()


def _batches(samples: FeatureSet) -> Iterator[Features]:
    for start in range(0, len(samples), PREDICTION_BATCH):
        features, _ = samples[np.arange(start, min(start + PREDICTION_BATCH, len(samples)))]
        yield features
