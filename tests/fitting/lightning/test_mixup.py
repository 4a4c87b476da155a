import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.mixup import mix
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail

TARGETS = torch.tensor([0, 0, 1, 2, 1, 2])


def batch():
    return {"features": torch.eye(6), "pixels": torch.arange(12, dtype=torch.uint8).reshape(6, 2)}, TARGETS


def mixed(seed, alpha):
    torch.manual_seed(seed)
    return mix(batch(), alpha, 3)


def share_of(features):
    """The share of each sample itself, when its features are its row of the unit matrix."""
    return float(torch.diagonal(features["features"]).min())


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-6, 100))
def test_features_and_classes_are_mixed_by_the_same_shares(seed, alpha):
    features, wanted = mixed(seed, alpha)
    shares = features["features"]  # row i holds how much of each sample went into sample i
    assert torch.allclose(shares.sum(dim=1), torch.ones(6))
    assert torch.allclose(shares.sum(dim=0), torch.ones(6))  # everyone is mixed into exactly one
    assert torch.allclose(wanted.sum(dim=1), torch.ones(6))
    assert torch.allclose(wanted, shares @ F.one_hot(TARGETS, 3).float(), atol=1e-6)
    assert torch.allclose(features["pixels"], shares @ batch()[0]["pixels"].float(), atol=1e-4)


def test_the_same_seed_mixes_the_same_and_another_does_not():
    one, again, other = mixed(3, 0.5), mixed(3, 0.5), mixed(4, 0.5)
    assert torch.equal(one[0]["features"], again[0]["features"])
    assert torch.equal(one[1], again[1])
    assert not torch.equal(one[0]["features"], other[0]["features"])


def test_the_batch_that_was_given_stays_as_it_is():
    given_features, given_targets = batch()
    mix((given_features, given_targets), 1.0, 3)
    assert torch.equal(given_features["features"], torch.eye(6))
    assert given_features["pixels"].dtype == torch.uint8
    assert torch.equal(given_targets, TARGETS)


@pytest.mark.parametrize("alpha", [0.01, 1e-3, 1e-6])
def test_the_smaller_alpha_the_purer_the_samples(alpha):
    # P(0.01 < share < 0.99) of Beta(alpha, alpha) is about alpha * ln(99**2) / 2.
    shares = [share_of(mixed(seed, alpha)[0]) for seed in range(300)]
    impure = sum(0.01 < share < 0.99 for share in shares)
    assert impure <= 300 * alpha * 4.6 + 4 * np.sqrt(300 * alpha * 4.6)


def test_shares_are_drawn_from_the_beta_distribution():
    # Some samples stay with themselves; where the least diagonal is 1 by chance, the share is not seen.
    shares = np.array([share_of(mixed(seed, 2.0)[0]) for seed in range(500)])
    seen = shares[shares < 0.999]
    assert seen.mean() == pytest.approx(0.5, abs=0.04)
    assert seen.var() == pytest.approx(1 / 20, abs=0.01)  # of Beta(2, 2)


def test_a_batch_of_one_is_mixed_with_itself():
    features, wanted = mix(({"features": torch.ones(1, 2)}, torch.tensor([1])), 0.5, 3)
    assert torch.allclose(features["features"], torch.ones(1, 2))
    assert torch.allclose(wanted, torch.tensor([[0.0, 1.0, 0.0]]))


class Watching(TailModule):
    """Keeps what its loss was asked for."""

    def loss(self, logits, targets):
        self.asked = logits.detach(), targets
        return F.cross_entropy(logits, targets)

    def log(self, *_, **__):
        """There is no Trainer."""


@pytest.mark.parametrize("alpha", [0.0, 0.7])
def test_the_module_mixes_in_training_alone(alpha):
    how = GradientSettings(name="x", head="linear", epochs=1, batch_size=6, lr=0.1, patience=1)
    tail = Tail(nn.Identity(), DenseHead(6, 3))
    module = Watching(tail, how, samples=6, seed=0, mixup=alpha)
    given_batch = {"features": torch.eye(6)}, TARGETS
    torch.manual_seed(5)
    module.training_step(given_batch, 0)
    torch.manual_seed(5)
    features, wanted = mix(given_batch, alpha, 3) if alpha else given_batch
    logits, targets = module.asked
    assert torch.equal(logits, tail(features))
    assert torch.equal(targets, wanted)
    module.step(given_batch)
    assert torch.equal(module.asked[1], TARGETS)
