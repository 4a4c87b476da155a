"""Features and targets of some samples: what a method is given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Features = dict[str, torch.Tensor]
Batch = tuple[Features, torch.Tensor]


class FeatureRows(Protocol):
    """Where features come from: the store's rows, or a network computed on the fly."""

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, indices: NDArray[np.int64]) -> Features:
        """Features of the samples `indices`, batch first."""


class Augment(Protocol):
    """What varies pixels or spectrograms."""

    def __call__(self, pixels: torch.Tensor, seed: int, /) -> torch.Tensor:
        """A photo's uint8 [3, height, width] or a spectrogram to the same, a function of both alone."""


class AugmentedRows:
    """Stored pixels in one augmented view, made as they are asked for."""

    def __init__(self, rows: FeatureRows, augment: Augment, seeds: Sequence[int]) -> None:
        """Keep what to augment by; `seeds` has one for each sample."""
        self._rows = rows
        self._augment = augment
        self._seeds = seeds

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, indices: NDArray[np.int64]) -> Features:
        pixels = self._rows[indices]["pixels"]
        return {"pixels": torch.stack([self._augment(p, self._seeds[i]) for p, i in zip(pixels, indices, strict=True)])}


@dataclass(frozen=True)
class FeatureSet:
    """Some samples of a collection.

    Attributes:
        rows: The features of the whole collection, of the plain view.
        indices: Which samples these are, [n].
        targets: Class of each of these samples, [n].
        groups: Group of each of these samples, [n].
        views: The features of the whole collection in each augmented view; none without augmentation below the line.
        owners: Which of the samples that are judged each of these is a part of, a window of a track say, [n]: 0, 1, …
            without a gap; None: each is judged by itself.
        weights: How much each of these samples counts in the training, [n]; None: all the same.
    """

    rows: FeatureRows
    indices: NDArray[np.int64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]
    views: tuple[FeatureRows, ...] = ()
    owners: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def at_once(self) -> int:
        """How many are predicted in one pass: a window of sound takes a hundred times the memory of a photo."""
        return 256 if self.owners is None else 16

    def __getitem__(self, positions: NDArray[np.int64]) -> Batch:
        """Features in single precision, and targets, of the samples at `positions` of this set; the plain view."""
        return _in_single(self.rows[self.indices[positions]]), torch.from_numpy(self.targets[positions])

    def in_views(self, positions: NDArray[np.int64], views: NDArray[np.int64]) -> Batch:
        """Like `self[positions]`, each sample in the view that `views` [n] names: 0 is the plain one."""
        parts: dict[int, Features] = {}
        for view in np.unique(views):
            rows = self.views[view - 1] if view else self.rows
            parts[int(view)] = _in_single(rows[self.indices[positions[views == view]]])
        order = torch.from_numpy(np.argsort(np.argsort(views, kind="stable"), kind="stable"))
        joined = {name: torch.cat([parts[view][name] for view in sorted(parts)])[order] for name in parts[min(parts)]}
        return joined, torch.from_numpy(self.targets[positions])

    def each_view(self) -> "list[FeatureSet]":
        """These samples in the plain view, then in each augmented one."""
        return [replace(self, rows=rows, views=()) for rows in (self.rows, *self.views)]

    def subset(self, positions: NDArray[np.int64]) -> "FeatureSet":
        """The samples at `positions` of this set."""
        return replace(
            self,
            indices=self.indices[positions],
            targets=self.targets[positions],
            groups=self.groups[positions],
            owners=None if self.owners is None else np.unique(self.owners[positions], return_inverse=True)[1],
            weights=None if self.weights is None else self.weights[positions],
        )

    def matrix(self) -> NDArray[np.float64]:
        """The features at the end of the encoder as one array, [n, dim]."""
        features, _ = self[np.arange(len(self))]
        return features["features"].double().numpy()


def _in_single(features: Features) -> Features:
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in features.items()}
