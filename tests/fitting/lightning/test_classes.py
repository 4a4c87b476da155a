import pytest
import torch
import torch.nn.functional as F
from torch import nn

from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.classes import ClassesModule
from thawline.fitting.lightning.losses import contrastive_loss
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail

SEEN = torch.tensor([0] * 12 + [1] * 8 + [2] * 4)


class Projection(nn.Module):
    def __init__(self):
        super().__init__()
        self.matrix = nn.Linear(4, 4, bias=False)

    def forward(self, features):
        return {"features": self.matrix(features["features"])}


def module(**changes):
    values = {"name": "x", "head": "prompts", "epochs": 1, "batch_size": 4, "lr": 0.1, "patience": 1}
    settings = GradientSettings(**{**values, **changes})
    return ClassesModule(Tail(Projection(), DenseHead(4, 3)), settings, targets=SEEN, seed=0)


LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 0, 1, 1, 2, 2])


def test_the_loss_is_the_one_that_is_named():
    assert module().loss(LOGITS, TARGETS) == F.cross_entropy(LOGITS, TARGETS)
    assert module(loss="contrastive").loss(LOGITS, TARGETS) == contrastive_loss(LOGITS, TARGETS)


@pytest.mark.parametrize(("penalty", "strength"), [("per_class", 1 / 8), (0.5, 0.5), (None, 0.0)])
def test_the_penalty_per_class_is_one_over_its_photos(penalty, strength):
    subject = module(penalty=penalty).eval()
    batch = ({"features": torch.ones(6, 4)}, TARGETS)
    with torch.no_grad():
        subject.tail.stages.matrix.weight += 1.0
    distance = subject.step(batch)["loss"] - subject.loss(subject(batch[0]), TARGETS)
    assert distance.item() == pytest.approx(strength * 16, abs=1e-4)


def test_class_weights_make_all_classes_count_the_same():
    balanced = module(class_weights="balanced")
    pairs = zip(LOGITS.split(2), TARGETS.split(2), strict=True)  # two of each class
    each = torch.stack([F.cross_entropy(logits, targets) for logits, targets in pairs])
    weights = torch.tensor([24 / (3 * 12), 24 / (3 * 8), 24 / (3 * 4)])
    assert balanced.loss(LOGITS, TARGETS).item() == pytest.approx(((weights * each).sum() / weights.sum()).item())


def test_label_smoothing_and_mixed_targets():
    smooth = module(label_smoothing=0.1)
    assert smooth.loss(LOGITS, TARGETS) == F.cross_entropy(LOGITS, TARGETS, label_smoothing=0.1)
    shares = F.one_hot(TARGETS, 3).float()
    assert module().loss(LOGITS, shares).item() == pytest.approx(F.cross_entropy(LOGITS, TARGETS).item())
