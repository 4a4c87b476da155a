"""Callbacks in a training: averages are what is judged and kept, and what is cut off goes on to the same bits."""

import csv

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.fitting.problems import Cut, CutError, Module
from torch import nn

from thawline.errors import RunError
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.checkpoints import load_checkpoint
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.named.callbacks import check_callbacks
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail

CPU = torch.device("cpu")
SIZE, EPOCHS = 10, 4  # 45 samples: five batches an epoch


class Stage(nn.Module):
    """A pretrained stage of which one matrix is frozen, and which numbers something."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.layer = nn.Linear(8, 8)
        self.register_buffer("numbers", torch.arange(7))

    def forward(self, features):
        return {"features": self.layer(self.frozen(features["features"]))}


def how(**changes):
    values = {"name": "linear", "head": "linear", "epochs": EPOCHS, "batch_size": SIZE, "lr": 0.02, "patience": 9}
    return GradientSettings(**{**values, "body_lr": 0.01, **changes})


def fit(samples, inner, directory, callbacks, *, kind=Module, at=-1, epochs=None, rate=0.3, **changes):
    devices, debug = changes.pop("devices", 1), changes.pop("debug", DebugSettings())
    settings = how(**changes)
    torch.manual_seed(0)
    module = kind(Tail(Stage(), DenseHead(8, 3, hidden=16, dropout=rate)), settings, samples=len(samples), seed=0)
    module.at = at
    trainer = TrainerSettings(accelerator="cpu", checkpoint_every=1, devices=devices)
    course = Course(trainer, debug, CPU, epochs, callbacks=check_callbacks(callbacks))
    data = TailData(samples, inner, Feeding(SIZE, seed=0))
    return fit_gradient(module, data, settings, course, directory)


def rows(directory):
    with (directory / "history.csv").open() as file:
        return list(csv.DictReader(file))


def column(directory, name):
    return [float(row[name]) for row in rows(directory)]


def weights_after(samples, directory, *, epochs, **changes):
    """Without callbacks, nothing being chosen."""
    return fit(samples, None, directory, {}, epochs=epochs, **changes).state


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Noting(Module):
    """Keeps the weights after each step."""

    def on_train_start(self):
        super().on_train_start()
        self.noted = []

    def on_train_batch_end(self, outputs, batch, batch_idx):
        super().on_train_batch_end(outputs, batch, batch_idx)
        self.noted.append({name: p.detach().clone() for name, p in self.tail.named_parameters()})


noted = []


class Sharing(Noting):
    def on_train_end(self):
        noted[:] = self.noted


@pytest.mark.parametrize("warmup", [False, True])
def test_the_moving_average_is_that_of_its_formula_and_frozen_parts_stay(halves, tmp_path, warmup):
    own = {"ema": {"decay": 0.8, "warmup": warmup, "update_starting_at_step": 3}}
    result = fit(halves[0], None, tmp_path, own, kind=Sharing)
    assert len(noted) == EPOCHS * 5
    average = noted[3]
    for count, weights in enumerate(noted[4:], start=1):
        decay = min(0.8, (1 + count) / (10 + count)) if warmup else 0.8
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in average}
    for name, wanted in average.items():
        assert torch.allclose(result.state[name], wanted, rtol=0, atol=1e-6), name
    for name in ("stages.frozen.weight", "stages.frozen.bias"):
        assert torch.equal(result.state[name], noted[0][name])
    assert torch.equal(result.state["stages.numbers"], torch.arange(7))
    assert (result.state["head.layers.0.weight"] - noted[-1]["head.layers.0.weight"]).abs().max() > 1e-3


def test_stochastic_weight_averaging_is_the_mean_of_the_last_epochs_ends(halves, tmp_path):
    result = fit(halves[0], None, tmp_path / "swa", {"swa": {"start": 0.5}})
    ends = [weights_after(halves[0], tmp_path / str(epochs), epochs=epochs) for epochs in (3, 4)]
    for name in result.state:
        mean = (ends[0][name].double() + ends[1][name].double()) / 2
        assert torch.allclose(result.state[name].double(), mean, rtol=0, atol=1e-6), name
    # A refit of three epochs stops on the way: one average of one epoch.
    assert same(fit(halves[0], None, tmp_path / "refit", {"swa": {"start": 0.5}}, epochs=3).state, ends[0])


def test_its_rates_come_along_a_cosine_to_its_own(halves, tmp_path):
    own = {"swa": {"start": 0.5, "lr": 0.1, "annealing_epochs": 1}, "lr_monitor": {}}
    fit(halves[0], None, tmp_path, own)
    last = 0.1 + (0.02 - 0.1) * (1 + np.cos(np.pi * 4 / 5)) / 2  # in the fifth of five steps
    assert column(tmp_path, "lr_2") == pytest.approx([0.02, 0.02, last, 0.1])
    assert column(tmp_path, "lr_1") == pytest.approx([0.01, 0.01, last / 2, 0.05])


@pytest.mark.parametrize("callbacks", [{"ema": {"decay": 0.9}}, {"swa": {"start": 0.5, "lr": 0.05}}])
def test_what_is_kept_is_what_the_inner_samples_judged(halves, tmp_path, callbacks):
    train, inner = halves
    result = fit(train, inner, tmp_path, callbacks)
    losses = column(tmp_path, "inner_loss")
    first = 2 if "swa" in callbacks else 0
    assert result.chosen["epochs"] == first + 1 + int(np.argmin(losses[first:]))
    tail = Tail(Stage(), DenseHead(8, 3, hidden=16, dropout=0.3)).eval()
    tail.load_state_dict(result.state)
    features, targets = inner[np.arange(len(inner))]
    with torch.no_grad():
        loss = float(F.cross_entropy(tail(features), targets))
    assert loss == pytest.approx(result.chosen["inner_loss"], abs=1e-6)
    best = load_checkpoint(tmp_path / "best.ckpt")
    assert not all(
        torch.equal(best["current_model_state"][f"tail.{name}"], result.state[name]) for name in result.state
    )


def test_no_epoch_before_the_average_is_kept_and_patience_does_not_count(halves, tmp_path):
    """The first epochs are the best by far: at this rate each is worse than the one before."""
    hard = {"lr": 2.0, "body_lr": 2.0, "patience": 1, "epochs": 6}
    plain = fit(*halves, tmp_path / "plain", {}, **hard)
    assert plain.chosen["epochs"] <= 2
    result = fit(*halves, tmp_path / "swa", {"swa": {"start": 0.5}}, **hard)
    assert len(rows(tmp_path / "swa")) > 3
    assert result.chosen["epochs"] > 3


def test_a_look_at_one_epoch_averages_that(halves, tmp_path):
    result = fit(*halves, tmp_path, {"swa": {}}, debug=DebugSettings(epochs=1))
    assert result.chosen["epochs"] == 1


def test_an_average_that_never_began_is_one_sentence(halves, tmp_path):
    with pytest.raises(RunError, match="the training ended before the average of the weights began; "):
        fit(*halves, tmp_path, {"ema": {"update_starting_at_step": 1000}})


EACH = [
    {"ema": {"decay": 0.9, "update_starting_at_step": 6, "update_every_n_steps": 3}, "gradient_norm": {}},
    {"swa": {"start": 0.5, "lr": 0.1}, "lr_monitor": {}},
    {"early_stopping": {"monitor": "inner_accuracy", "min_delta": 0.01, "patience": 2}},
]


@pytest.mark.parametrize("callbacks", EACH)
def test_what_is_cut_off_in_any_batch_goes_on_to_the_same_bits(halves, tmp_path, callbacks):
    whole = fit(*halves, tmp_path / "whole", callbacks)
    for at in (2, 5, 8, 13):
        directory = tmp_path / str(at)
        with pytest.raises(CutError):
            fit(*halves, directory, callbacks, kind=Cut, at=at)
        resumed = fit(*halves, directory, callbacks)
        assert same(whole.state, resumed.state), at
        assert resumed.chosen == whole.chosen
        assert (directory / "history.csv").read_bytes() == (tmp_path / "whole" / "history.csv").read_bytes()


def test_the_norm_of_the_gradient_is_that_before_it_is_clipped(halves, tmp_path):
    fit(halves[0], None, tmp_path / "free", {"gradient_norm": {}}, epochs=1)
    [mean], [most] = column(tmp_path / "free", "gradient_norm"), column(tmp_path / "free", "gradient_norm_max")
    assert 0 < mean < most
    fit(halves[0], None, tmp_path / "clipped", {"gradient_norm": {}}, epochs=1, gradient_clip_val=1e-3)
    assert column(tmp_path / "clipped", "gradient_norm")[0] > 1e-2
    # With one step an epoch both are its norm, by hand.
    fit(halves[0], None, tmp_path / "one", {"gradient_norm": {}}, epochs=1, accumulate_grad_batches=99)
    [mean], [most] = column(tmp_path / "one", "gradient_norm"), column(tmp_path / "one", "gradient_norm_max")
    assert mean == most > 0


def test_early_stopping_by_name_takes_the_place_of_patience(halves, tmp_path):
    own = {"early_stopping": {"monitor": "inner_loss", "stopping_threshold": 100.0}}
    fit(*halves, tmp_path / "threshold", own)
    assert len(rows(tmp_path / "threshold")) == 1
    fit(*halves, tmp_path / "delta", {"early_stopping": {"min_delta": 100.0, "patience": 1}})
    assert len(rows(tmp_path / "delta")) == 2
    plain, named = fit(*halves, tmp_path / "a", {}), fit(*halves, tmp_path / "b", {"early_stopping": {}})
    assert same(plain.state, named.state)


def test_the_timer_ends_it_after_an_epoch_and_the_best_is_kept(halves, tmp_path):
    result = fit(*halves, tmp_path / "short", {"timer": {"minutes": 1e-6}})
    assert (len(rows(tmp_path / "short")), result.chosen["epochs"]) == (1, 1)
    fit(*halves, tmp_path / "long", {"timer": {"minutes": 10}})
    assert len(rows(tmp_path / "long")) == EPOCHS
    # A refit has its number of epochs.
    fit(halves[0], None, tmp_path / "refit", {"timer": {"minutes": 1e-6}}, epochs=2)
    assert len(rows(tmp_path / "refit")) == 2


@pytest.mark.long
def test_two_processes_average_like_one(halves, tmp_path):
    own = {"ema": {"decay": 0.9}, "gradient_norm": {}}
    one, two = (
        fit(halves[0], None, tmp_path / str(devices), own, epochs=2, rate=0.0, devices=devices) for devices in (1, 2)
    )
    assert all(torch.allclose(one.state[name], two.state[name], atol=1e-3) for name in one.state)
    for name in ("train_loss", "gradient_norm"):
        assert column(tmp_path / "1", name) == pytest.approx(column(tmp_path / "2", name), rel=1e-3)
