"""Features and targets of some samples: what a method is given."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Features = dict[str, torch.Tensor]


class FeatureRows(Protocol):
    """Where features come from: the store's rows, or a network computed on the fly."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, indices: NDArray[np.int64]) -> Features:
        """Features of the samples `indices`, batch first."""


@dataclass(frozen=True)
class FeatureSet:
    """Some samples of a collection.

    Attributes:
        rows: The features of the whole collection.
        indices: Which samples these are, [n].
        targets: Class of each of these samples, [n].
        groups: Group of each of these samples, [n].
    """

    rows: FeatureRows
    indices: NDArray[np.int64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, positions: NDArray[np.int64]) -> tuple[Features, torch.Tensor]:
        """Features in single precision, and targets, of the samples at `positions` of this set."""
        features = self.rows[self.indices[positions]]
        return {k: v.float() if v.is_floating_point() else v for k, v in features.items()}, torch.from_numpy(
            self.targets[positions]
        )

    def subset(self, positions: NDArray[np.int64]) -> "FeatureSet":
        """The samples at `positions` of this set."""
        return replace(
            self, indices=self.indices[positions], targets=self.targets[positions], groups=self.groups[positions]
        )

    def matrix(self) -> NDArray[np.float64]:
        """The features at the end of the encoder as one array, [n, dim]."""
        features, _ = self[np.arange(len(self))]
        return features["features"].double().numpy()
