"""Pairs without photos and texts: features that lie in memory, and tails over them."""

import numpy as np
import pytest
import torch
from tests.bundles.conftest import fit, networks, photos  # noqa: F401  # fixtures
from tests.bundles.conftest import write as write_classifier  # noqa: F401  # a fixture
from torch import nn

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.settings import GradientSettings
from thawline.tasks.match.features import PairRows
from thawline.tasks.match.losses import PairsModule
from thawline.tasks.match.tail import PairHead, PairTail, Towers

DIM = 6


class Rows:
    """Rows of one array, as the store gives them."""

    def __init__(self, array):
        self._array = torch.from_numpy(array)

    def __len__(self):
        return len(self._array)

    def __getitem__(self, indices):
        return {"features": self._array[torch.from_numpy(np.asarray(indices))]}


class Tower(nn.Module):
    """A trainable projection, as the stages above a cut are."""

    def __init__(self, generator):
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(DIM) + 0.1 * torch.randn(DIM, DIM, generator=generator))

    def forward(self, features):
        return {"features": features["features"] @ self.matrix}


def make_pairs(images, texts, image_of, text_of, labels, groups=None):
    """Pairs of given features: image i of `images` with text j of `texts`."""
    image_of, text_of = np.asarray(image_of), np.asarray(text_of)
    rows = PairRows(Rows(images), Rows(texts), image_of, text_of, (image_of, text_of))
    labels = np.asarray(labels)
    return FeatureSet(rows, np.arange(len(labels)), labels, image_of if groups is None else np.asarray(groups))


def make_tail(scale=10.0, bias=-1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    head = PairHead((DIM, DIM), None, scale)
    head.set_scale(scale, bias)
    return PairTail(Towers(Tower(generator), Tower(generator)), head)


def gradient(**changes):
    values = {"name": "pairs", "head": "pairs", "loss": "sigmoid", "epochs": 2, "batch_size": 8, "lr": 1e-2}
    return GradientSettings(**{"patience": 2, **values, **changes})


def make_module(pairs, loss="sigmoid", tail=None, **changes):
    """The module over all of `pairs`, whose numbers of images and texts are those of the rows."""
    features, targets = pairs[np.arange(len(pairs))]
    matched = targets == 1
    matches = torch.stack([features["pair.image"][matched], features["pair.text"][matched]], dim=1).numpy()
    tail = tail or make_tail()
    return PairsModule(tail, gradient(loss=loss, **changes), samples=pairs, matches=matches, seed=0)


@pytest.fixture
def pairs():
    """Twelve pairs: image 0 has two true texts, text 3 is true of two images, and there are mismatches."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(6, DIM)).astype(np.float32)
    texts = generator.normal(size=(9, DIM)).astype(np.float32)
    image_of = [0, 0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    text_of = [0, 1, 2, 3, 3, 4, 5, 6, 0, 7, 8, 4]
    labels = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    return make_pairs(images, texts, image_of, text_of, labels)
