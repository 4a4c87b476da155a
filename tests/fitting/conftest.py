import numpy as np
import pytest
import torch

from thawline.fitting.feature_set import FeatureSet


class ArrayRows:
    """Features that lie in memory: the same interface as the store's rows."""

    def __init__(self, array):
        self._array = torch.from_numpy(array)

    def __len__(self):
        return len(self._array)

    def __getitem__(self, indices):
        return {"features": self._array[torch.from_numpy(np.asarray(indices))]}


@pytest.fixture
def clusters():
    """Three overlapping Gaussian classes of 30 samples with 8 features, in groups of two."""
    generator = np.random.default_rng(0)
    targets = np.repeat(np.arange(3), 30)
    centres = generator.normal(size=(3, 8))
    features = (3.0 + 2.0 * (centres[targets] + generator.normal(size=(90, 8)))).astype(np.float32)
    return FeatureSet(ArrayRows(features), np.arange(90), targets, np.arange(90) // 2)


@pytest.fixture
def halves(clusters):
    """Every other sample to train on, and the others to choose by."""
    return clusters.subset(np.arange(0, 90, 2)), clusters.subset(np.arange(1, 90, 2))
