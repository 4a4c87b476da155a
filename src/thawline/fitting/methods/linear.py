"""What methods in closed form have in common that fit a linear head."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead, ProbeHead
from thawline.fitting.tail import Tail

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """What a linear head is fitted on.

    Where the head leans toward a direction, what it says of each sample is a column of its own beside the features. It
    varies as much as all of them together, so that a penalty on the weights, or a shrunk covariance, lets its weight go
    where the samples have it: the weights of the features are drawn to the direction, by as much of it as fits.

    Attributes:
        head: The head, its scaling measured.
        matrix: Standardised features, and the column if there is one, [n, dim or dim + 1]; of a probe unit features.
        direction: What the column is of the standardised features, [dim]; None: there is none.
        before: What zero-shot says of the samples, to which a probe adds, [n, classes]; None: the head is no probe.
    """

    head: DenseHead | ProbeHead
    matrix: Matrix
    direction: NDArray[np.float64] | None = None
    before: Matrix | None = None

    def keep(self, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """Write what was fitted into the head: `weight` [classes, columns] and `bias` [classes]."""
        if isinstance(self.head, ProbeHead):
            keep_probe(self.head, self.head.text_scale * self.head.texts.double().numpy() + weight, bias)
            return
        if self.direction is not None:
            weight = weight[:, :-1] + weight[:, -1:] * self.direction
        if self.head.one_logit:
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        layer = linear_layer(self.head)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))


def columns_of(tail: Tail, samples: FeatureSet) -> Columns:
    """Measure the scaling of the tail's linear head on `samples`, and give what it is fitted on."""
    head = tail.head
    if isinstance(head, ProbeHead):
        rows = unit(samples.matrix())
        return Columns(head, rows, before=head.text_scale * rows @ head.texts.double().numpy().T)
    if not isinstance(head, DenseHead):
        raise TypeError(f"a closed form fits a linear head, not {type(head).__name__}")
    linear_layer(head)
    matrix = samples.matrix()
    head.standardise.measure(torch.from_numpy(matrix).float())
    mean, scale = head.standardise.mean.double().numpy(), head.standardise.scale.double().numpy()
    scaled: NDArray[np.float64] = (matrix - mean) / scale
    if head.toward is None:
        return Columns(head, scaled)
    direction = head.toward.double().numpy() * scale
    said = scaled @ direction
    direction = direction * np.sqrt(scaled.shape[1]) / (said.std() or 1.0)
    return Columns(head, np.column_stack([scaled, scaled @ direction]), direction)


def linear_layer(head: DenseHead) -> nn.Linear:
    """The only layer of a linear head."""
    if not isinstance(head.layers, nn.Linear):
        raise TypeError("a head with a hidden layer is not linear")
    return head.layers


def probe_of(tail: Tail) -> ProbeHead:
    """The head of `tail`, which is a probe."""
    if not isinstance(tail.head, ProbeHead):
        raise TypeError(f"this fits a probe from zero-shot, not {type(tail.head).__name__}")
    return tail.head


def keep_probe(head: ProbeHead, weight: Matrix, bias: NDArray[np.float64] | None = None) -> None:
    """Write what was fitted into the probe: `weight` [classes, dim], and `bias` [classes] if there is one."""
    head.weight.copy_(torch.from_numpy(weight))
    if bias is not None:
        head.bias.copy_(torch.from_numpy(bias))


def unit(rows: Matrix) -> Matrix:
    """Rows [n, dim] as unit vectors."""
    scaled: Matrix = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled
