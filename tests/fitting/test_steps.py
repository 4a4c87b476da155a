"""Optimisers by name, clipping and accumulation: what the Trainer makes of them is what plain PyTorch does."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.fitting.problems import Cut, CutError, Module
from torch import nn

from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail

CPU = torch.device("cpu")
SIZE, EPOCHS = 10, 2  # 45 samples: five batches an epoch, the last of five


class Lion:
    """Algorithm 2 of arXiv 2302.06675."""

    def __init__(self, parameters, lr, weight_decay):
        self._parameters, self._lr, self._decay = list(parameters), lr, weight_decay
        self._average = [torch.zeros_like(p) for p in self._parameters]

    def zero_grad(self):
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self):
        for parameter, average in zip(self._parameters, self._average, strict=True):
            update = (0.9 * average + 0.1 * parameter.grad).sign()
            parameter -= self._lr * (update + self._decay * parameter)
            average.copy_(0.99 * average + 0.01 * parameter.grad)


PLAIN = {
    "sgd": lambda p, lr, decay: torch.optim.SGD(p, lr=lr, weight_decay=decay),
    "sgd momentum": lambda p, lr, decay: torch.optim.SGD(p, lr=lr, weight_decay=decay, momentum=0.9, nesterov=True),
    "adamw": lambda p, lr, decay: torch.optim.AdamW(p, lr=lr, weight_decay=decay),
    "adamw betas": lambda p, lr, decay: torch.optim.AdamW(p, lr=lr, weight_decay=decay, betas=(0.8, 0.95)),
    "lion": Lion,
}
SETTINGS = {"sgd momentum": {"momentum": 0.9, "nesterov": True}, "adamw betas": {"betas": [0.8, 0.95]}}


def how(**changes):
    values = {"name": "linear", "head": "linear", "epochs": EPOCHS, "batch_size": SIZE, "lr": 0.02, "patience": 9}
    return GradientSettings(**{**values, "weight_decay": 0.01, **changes})


def new_tail(dropout=0.0):
    torch.manual_seed(0)
    return Tail(nn.Identity(), DenseHead(8, 3, hidden=16, dropout=dropout))


def by_trainer(samples, directory, settings, *, precision="32-true", **changes):
    module = Module(new_tail(**changes), settings, samples=len(samples), seed=0)
    course = Course(TrainerSettings(accelerator="cpu", precision=precision), DebugSettings(), CPU)
    data = TailData(samples, None, Feeding(SIZE, seed=0))
    return fit_gradient(module, data, settings, course, directory).state


def in_plain_pytorch(samples, make, settings):
    """The loop that anyone would write, over the same batches."""
    tail = new_tail().train()
    optimiser = make(tail.parameters(), settings.lr, settings.weight_decay)
    every = settings.accumulate_grad_batches
    for epoch in range(EPOCHS):
        order = np.random.default_rng((0, epoch)).permutation(len(samples))
        batches = [order[start : start + SIZE] for start in range(0, len(order), SIZE)]
        optimiser.zero_grad()
        for number, positions in enumerate(batches, start=1):
            features, targets = samples[positions]
            (F.cross_entropy(tail(features), targets) / every).backward()
            if number % every and number < len(batches):
                continue
            if settings.gradient_clip_val and settings.gradient_clip_algorithm == "norm":
                nn.utils.clip_grad_norm_(tail.parameters(), settings.gradient_clip_val)
            elif settings.gradient_clip_val:
                nn.utils.clip_grad_value_(tail.parameters(), settings.gradient_clip_val)
            optimiser.step()
            optimiser.zero_grad()
    return tail.state_dict()


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.parametrize("name", PLAIN)
def test_ten_steps_by_name_are_those_of_plain_pytorch(halves, tmp_path, name):
    settings = how(optimiser=name.partition(" ")[0], optimiser_settings=SETTINGS.get(name, {}))
    mine, plain = by_trainer(halves[0], tmp_path, settings), in_plain_pytorch(halves[0], PLAIN[name], settings)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 10
    assert largest_difference(mine, plain) <= 1e-6
    assert largest_difference(mine, new_tail().state_dict()) > 1e-2


@pytest.mark.parametrize(
    "changes",
    [
        {"gradient_clip_val": 0.2},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"accumulate_grad_batches": 2},
        {"accumulate_grad_batches": 3, "gradient_clip_val": 0.2},
        {"accumulate_grad_batches": 99},
    ],
)
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_clipping_and_accumulation_are_those_of_plain_pytorch(halves, tmp_path, name, changes):
    settings = how(optimiser=name, **changes)
    mine, plain = by_trainer(halves[0], tmp_path / "a", settings), in_plain_pytorch(halves[0], PLAIN[name], settings)
    assert largest_difference(mine, plain) <= 1e-6
    assert largest_difference(mine, by_trainer(halves[0], tmp_path / "b", how(optimiser=name))) > 1e-4


def test_each_batch_of_a_step_draws_its_own_dropout(halves, tmp_path):
    """With as many batches a step as an epoch has, one epoch is one step; its batches must not all drop the same."""
    train = halves[0].subset(np.arange(20))
    twice = train.subset(np.tile(np.arange(10), 2))
    settings = how(accumulate_grad_batches=2, epochs=1)
    module = Module(new_tail(dropout=0.5), settings, samples=20, seed=0)
    drawn = []
    module.tail.head.register_forward_hook(lambda *_: drawn.append(torch.get_rng_state()))
    course = Course(TrainerSettings(accelerator="cpu"), DebugSettings(), CPU)
    fit_gradient(module, TailData(twice, None, Feeding(SIZE, seed=0)), settings, course, tmp_path)
    assert len(drawn) == 2
    assert not torch.equal(*drawn)


def test_gradients_of_16_bits_can_be_clipped(halves, tmp_path):
    settings = how(gradient_clip_val=0.2)
    mixed = by_trainer(halves[0], tmp_path / "a", settings, precision="bf16-mixed")
    assert largest_difference(mixed, by_trainer(halves[0], tmp_path / "b", settings)) < 0.05


@pytest.mark.parametrize(
    "changes",
    [
        {"accumulate_grad_batches": 2, "gradient_clip_val": 0.2},
        {"optimiser": "lion"},
        {"optimiser": "sgd", "optimiser_settings": {"momentum": 0.9}},
    ],
)
def test_a_training_cut_off_in_any_batch_goes_on_to_the_same_bits(halves, tmp_path, changes):
    settings = how(**changes, schedule="cosine", warmup=0.5)
    trainer = TrainerSettings(accelerator="cpu", checkpoint_every=1)

    def fit(directory, at=-1):
        module = Cut(new_tail(dropout=0.3), settings, samples=len(halves[0]), seed=0)
        module.at = at
        data = TailData(*halves, Feeding(SIZE, seed=0))
        return fit_gradient(module, data, settings, Course(trainer, DebugSettings(), CPU), directory)

    whole = fit(tmp_path / "whole")
    for at in (1, 4, 5, 7):
        directory = tmp_path / str(at)
        with pytest.raises(CutError):
            fit(directory, at)
        resumed = fit(directory)
        assert all(torch.equal(whole.state[name], resumed.state[name]) for name in whole.state), at
        assert resumed.chosen == whole.chosen
        assert (directory / "history.csv").read_bytes() == (tmp_path / "whole" / "history.csv").read_bytes()
