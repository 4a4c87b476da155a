import csv

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from thawline.errors import RunError
from thawline.fitting.heads import DenseHead
from thawline.fitting.methods.gradient import fit_gradient
from thawline.fitting.module import TailModule
from thawline.fitting.settings import GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail, final_features

CPU = torch.device("cpu")


class Module(TailModule):
    def loss(self, logits, targets):
        return F.cross_entropy(logits, targets)


class Diverging(TailModule):
    def loss(self, logits, targets):
        return logits.sum() * float("nan")


class Stage(nn.Module):
    """A pretrained stage above the thaw line."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8, bias=False)

    def forward(self, features):
        return {"features": self.layer(features["features"])}


def settings(**changes):
    values = {"name": "linear", "head": "linear", "epochs": 12, "batch_size": 16, "lr": 0.05, "patience": 3}
    return GradientSettings(**{**values, **changes})


def new_module(samples, kind=Module, *, stages=None, penalty=0.0, how=None):
    torch.manual_seed(0)
    tail = Tail(stages or nn.Identity(), DenseHead(8, 3, hidden=16, dropout=0.3))
    tail.head.standardise.measure(final_features(tail.stages, samples))
    return kind(tail, how or settings(), penalty=penalty, seed=0)


def fit(samples, inner, directory, *, module=None, how=None, epochs=None, mirror=None):
    how = how or settings()
    module = module or new_module(samples, how=how)
    trainer = TrainerSettings(accelerator="cpu")
    return fit_gradient(
        module, samples, inner, how, trainer, directory, seed=0, device=CPU, epochs=epochs, mirror=mirror
    )


@pytest.fixture
def halves(clusters):
    return clusters.subset(np.arange(0, 90, 2)), clusters.subset(np.arange(1, 90, 2))


def rows(directory):
    with (directory / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_best_inner_epoch_is_kept_and_patience_ends_it(halves, tmp_path):
    result = fit(*halves, tmp_path, how=settings(epochs=100))
    history = rows(tmp_path)
    losses = [float(row["inner_loss"]) for row in history]
    best = int(np.argmin(losses))
    assert result.chosen["epochs"] == best + 1
    assert result.chosen["inner_loss"] == pytest.approx(min(losses), rel=1e-6)
    assert len(history) == best + 1 + 3 < 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "history.csv", "last.ckpt"]


def test_the_same_twice_is_the_same_bits(halves, tmp_path):
    first, second = fit(*halves, tmp_path / "a"), fit(*halves, tmp_path / "b")
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)


def test_without_inner_samples_all_epochs_run(halves, tmp_path):
    assert fit(halves[0], None, tmp_path, epochs=4).chosen == {"epochs": 4}
    assert len(rows(tmp_path)) == 4


class KilledError(Exception):
    pass


class DyingMirror:
    """Ends the training the moment the third epoch was logged."""

    def log(self, row):
        if row[next(key for key in row if key.endswith("epoch"))] == 2:
            raise KilledError


def test_a_training_that_was_cut_off_ends_like_one_that_was_not(halves, tmp_path):
    whole = fit(*halves, tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(*halves, tmp_path / "cut", mirror=DyingMirror())
    resumed = fit(*halves, tmp_path / "cut")
    assert all(torch.equal(whole.state[name], resumed.state[name]) for name in whole.state)
    assert resumed.chosen == whole.chosen
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_checkpoints_load_without_pickle(halves, tmp_path):
    fit(*halves, tmp_path)
    for name in ("best.ckpt", "last.ckpt"):
        assert "state_dict" in torch.load(tmp_path / name, weights_only=True)


def test_a_loss_that_is_not_finite_stops_the_run(halves, tmp_path):
    with pytest.raises(RunError, match="training loss became nan in epoch 0; try a smaller"):
        fit(*halves, tmp_path, module=new_module(halves[0], Diverging))


def test_the_penalty_is_the_squared_distance_from_the_start(halves):
    module = new_module(halves[0], stages=Stage(), penalty=0.5).eval()
    features, targets = batch = halves[0][np.arange(8)]
    assert module.step(batch)["loss"].item() == F.cross_entropy(module(features), targets).item()
    with torch.no_grad():
        module.tail.stages.layer.weight += 0.1
    distance = module.step(batch)["loss"].item() - F.cross_entropy(module(features), targets).item()
    assert distance == pytest.approx(0.5 * 64 * 0.1**2, rel=1e-4)


def test_a_penalty_holds_pretrained_weights_but_not_the_new_head(halves, tmp_path):
    how = settings(epochs=5, lr=0.01)
    moved = {}
    for penalty in (0.0, 10.0):
        module = new_module(halves[0], stages=Stage(), penalty=penalty, how=how)
        start = {name: p.detach().clone() for name, p in module.tail.named_parameters()}
        fit(*halves, tmp_path / str(penalty), module=module, how=how)
        moved[penalty] = {name: (p - start[name]).abs().max().item() for name, p in module.tail.named_parameters()}
    assert moved[10.0]["stages.layer.weight"] < 0.5 * moved[0.0]["stages.layer.weight"]
    assert moved[10.0]["head.layers.0.weight"] > 0.5 * moved[0.0]["head.layers.0.weight"]
