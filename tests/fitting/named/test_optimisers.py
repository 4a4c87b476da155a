"""Optimisers by name: what they take, what they refuse, and that each goes on from its state to the same bits."""

import inspect
import io
import subprocess
import sys

import pytest
import timm.optim
import torch
import torch.nn.functional as F
from torch import nn

from thawline.errors import UserError
from thawline.fitting.named.optimisers import OPTIMISERS, check_optimiser, make_optimiser


def train(name, steps, *, start=0, saved=None):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    groups = [
        {"params": list(network[0].parameters()), "lr": 0.01},
        {"params": [*network[1].parameters(), *network[2].parameters()], "lr": 0.1},
    ]
    optimiser = make_optimiser(name, groups, lr=0.1, weight_decay=0.01)
    course = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (step + 1))
    for part, state in zip((network, optimiser, course), saved or (), strict=False):
        part.load_state_dict(state)
    for step in range(start, start + steps):
        torch.manual_seed(step)
        features, targets = torch.randn(16, 8), torch.randint(0, 3, (16,))
        optimiser.zero_grad()
        F.cross_entropy(network(features), targets).backward()
        optimiser.step()
        course.step()
    return [part.state_dict() for part in (network, optimiser, course)]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_goes_on_from_a_checkpoint_to_the_same_bits(name):
    whole, file = train(name, 6)[0], io.BytesIO()
    torch.save(train(name, 3), file)
    file.seek(0)
    resumed = train(name, 3, start=3, saved=torch.load(file, weights_only=True))[0]
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_takes_what_it_is_said_to(name):
    own = OPTIMISERS[name].torch
    made = getattr(torch.optim, own) if own else timm.optim.get_optimizer_info(name).opt_class
    assert set(OPTIMISERS[name].settings) <= set(inspect.signature(made).parameters)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("adamm", {}, "method.optimiser=adamm is not known; use one of adabelief, adadelta, .*, lion, .*, sgdw$"),
        ("lion", {"momentum": 0.9}, "method.optimiser=lion has no setting 'momentum'; .* may hold betas, caution$"),
        ("sgd", {"momentum": "0.9"}, "method.optimiser_settings.momentum=0.9 must be a number$"),
        ("sgd", {"momentum": True}, "method.optimiser_settings.momentum=True must be a number$"),
        ("sgd", {"nesterov": 1}, "method.optimiser_settings.nesterov=1 must be true or false$"),
        ("adamw", {"betas": [0.9]}, r"method.optimiser_settings.betas=\[0.9\] must be a list of two numbers"),
        ("muon", {"ns_steps": 2.5}, "method.optimiser_settings.ns_steps=2.5 must be a whole number$"),
        ("sgd", {"nesterov": True}, "method.optimiser=sgd can't take its settings: Nesterov momentum requires"),
        ("adamw", {"betas": [0.9, 2.0]}, "method.optimiser=adamw can't take its settings: Invalid beta"),
    ],
)
def test_what_an_optimiser_does_not_take_is_one_sentence(name, given, said):
    with pytest.raises(UserError, match=said):
        check_optimiser(name, given)


def test_names_and_types_are_checked_without_importing_what_they_name():
    code = (
        "import sys; from thawline.fitting.named.optimisers import check_optimiser; check_optimiser('lion', {}); "
        "print({'torch', 'timm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
