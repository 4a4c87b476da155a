import numpy as np
import pytest
import torch

from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.tags import TagsModule, positive_weights
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail, predict

SETS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=torch.bool)


class Pass(torch.nn.Module):
    def forward(self, features):
        return features


def settings(**changes):
    return GradientSettings(
        **{"name": "linear", "head": "linear", "epochs": 1, "batch_size": 4, "lr": 0.1, "patience": 1, **changes}
    )


def module(targets, **changes):
    tail = Tail(Pass(), DenseHead(2, 3), sets=SETS.numpy())
    return TagsModule(tail, settings(**changes), targets=torch.tensor(targets), sets=SETS, seed=0)


def by_hand(logits, wanted, weights=(1, 1, 1)):
    p, w = torch.sigmoid(logits), torch.tensor(weights)
    return float(-(w * wanted * p.log() + (1 - wanted) * (1 - p).log()).mean())


def test_the_loss_is_binary_cross_entropy_of_each_class_of_the_set():
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.3, 0.0, -2.0]])
    targets = torch.tensor([1, 2])
    wanted = torch.tensor([[1.0, 1, 0], [0, 1, 1]])
    assert float(module([0, 1, 2]).loss(logits, targets)) == pytest.approx(by_hand(logits, wanted))
    smoothed = module([0, 1, 2], label_smoothing=0.2).loss(logits, targets)
    assert float(smoothed) == pytest.approx(by_hand(logits, wanted * 0.8 + 0.1))


def test_balanced_weights_let_positives_and_negatives_count_the_same():
    # Of four samples three, three and two have the classes.
    balanced = module([0, 1, 2, 1], class_weights="balanced")
    assert positive_weights(SETS[[0, 1, 2, 1]]).tolist() == pytest.approx([1 / 3, 1 / 3, 3])
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    wanted = torch.tensor([[1.0, 1, 0]])
    found = float(balanced.loss(logits, torch.tensor([1])))
    assert found == pytest.approx(by_hand(logits, wanted, (1 / 3, 1 / 3, 3)))


def test_a_class_without_positives_or_negatives_has_a_finite_weight():
    assert positive_weights(torch.tensor([[1, 0], [1, 0]])).tolist() == [0.5, 2]


def test_inner_numbers_are_the_plain_loss_and_any_true_class(monkeypatch):
    one = module([0, 1, 2], class_weights="balanced", label_smoothing=0.5)
    seen = {}
    monkeypatch.setattr(one, "log_dict", lambda values, **_: seen.update(values))
    features = torch.tensor([[1.0, 2.0], [0.5, -1.0], [-1.0, 0.0]])
    targets = torch.tensor([0, 1, 2])
    with torch.no_grad():
        one.validation_step(({"features": features}, targets), 0)
        logits = one.tail.head(features)
    assert float(seen["inner_loss"].compute()) == pytest.approx(by_hand(logits, SETS[targets].float()))
    right = [bool(SETS[t, int(row.argmax())]) for t, row in zip(targets, logits, strict=True)]
    assert float(seen["inner_accuracy"].compute()) == pytest.approx(np.mean(right))


class Rows:
    def __len__(self):
        return 3

    def __getitem__(self, indices):
        return {"features": torch.tensor([[1.0, 2.0], [0.5, -1.0], [-1.0, 0.0]])[indices]}


def test_parts_are_joined_by_the_mean_of_their_logits_and_each_class_is_told_by_itself():
    tail = module([0, 1, 2]).tail
    windows = FeatureSet(Rows(), np.arange(3), np.zeros(3, int), np.zeros(3, int), owners=np.array([0, 0, 1]))
    with torch.no_grad():
        logits = tail.head(Rows()[np.arange(3)]["features"])
    wanted = torch.sigmoid(torch.stack([logits[:2].mean(dim=0), logits[2]]))
    assert predict(tail, windows) == pytest.approx(wanted.numpy())
