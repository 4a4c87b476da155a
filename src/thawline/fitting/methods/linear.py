"""What methods in closed form have in common that fit a linear head."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.tail import Tail


@dataclass(frozen=True)
class Columns:
    """What a linear head is fitted on.

    Where the head leans toward a direction, what it says of each sample is a column of its own beside the features. It
    varies as much as all of them together, so that a penalty on the weights, or a shrunk covariance, lets its weight go
    where the samples have it: the weights of the features are drawn to the direction, by as much of it as fits.

    Attributes:
        head: The head, its scaling measured.
        matrix: Standardised features, and the column if there is one, [n, dim or dim + 1].
        direction: What the column is of the standardised features, [dim]; None: there is none.
    """

    head: DenseHead
    matrix: NDArray[np.float64]
    direction: NDArray[np.float64] | None

    def keep(self, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """Write what was fitted into the head: `weight` [classes, columns] and `bias` [classes]."""
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
    if not isinstance(head, DenseHead):
        raise TypeError(f"a closed form fits a linear head, not {type(head).__name__}")
    linear_layer(head)
    matrix = samples.matrix()
    head.standardise.measure(torch.from_numpy(matrix).float())
    mean, scale = head.standardise.mean.double().numpy(), head.standardise.scale.double().numpy()
    scaled: NDArray[np.float64] = (matrix - mean) / scale
    if head.toward is None:
        return Columns(head, scaled, None)
    direction = head.toward.double().numpy() * scale
    said = scaled @ direction
    direction = direction * np.sqrt(scaled.shape[1]) / (said.std() or 1.0)
    return Columns(head, np.column_stack([scaled, scaled @ direction]), direction)


def linear_layer(head: DenseHead) -> nn.Linear:
    """The only layer of a linear head."""
    if not isinstance(head.layers, nn.Linear):
        raise TypeError("a head with a hidden layer is not linear")
    return head.layers
