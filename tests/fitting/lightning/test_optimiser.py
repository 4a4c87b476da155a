import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from thawline.fitting.heads.head import DenseHead, PromptHead
from thawline.fitting.lightning.optimiser import learning_rate_course, parameter_groups
from thawline.fitting.settings import GradientSettings
from thawline.fitting.tail import Tail


class Tower(nn.Module):
    """Stages as an encoder's tail holds them."""

    def __init__(self, *stages):
        super().__init__()
        self.stages = nn.ModuleList(stages)


def how(**changes):
    values = {"name": "x", "head": "linear", "epochs": 10, "batch_size": 4, "lr": 0.1, "patience": 1}
    return GradientSettings(**{**values, **changes})


def linear(*, trains=True):
    return nn.Linear(4, 4).requires_grad_(trains)


def prompts(text=None):
    return PromptHead({"features": torch.eye(3, 4)}, torch.arange(3), 10.0, text)


def rates(tail, settings):
    return [group["lr"] for group in parameter_groups(tail, settings)]


def test_each_stage_further_down_learns_more_slowly_and_the_new_head_by_its_own_rate():
    tail = Tail(Tower(linear(), linear(), linear()), DenseHead(4, 3))
    groups = parameter_groups(tail, how(layer_decay=0.5))
    assert [group["lr"] for group in groups] == pytest.approx([0.0025, 0.005, 0.01, 0.1])
    parts = [*tail.stages.stages, tail.head]
    assert [[id(p) for p in group["params"]] for group in groups] == [[id(p) for p in m.parameters()] for m in parts]


def test_the_uppermost_stage_that_has_parameters_learns_at_the_top_rate():
    # A ResNet's last stage is its pooling.
    tail = Tail(Tower(linear(), nn.Flatten(), linear(), nn.Flatten()), DenseHead(4, 3))
    assert rates(tail, how(layer_decay=0.5, body_lr=0.04)) == pytest.approx([0.02, 0.04, 0.1])


def test_frozen_parameters_are_in_no_group():
    tail = Tail(Tower(linear(trains=False), linear()), DenseHead(4, 3))
    tail.stages.stages[1].bias.requires_grad_(False)
    groups = parameter_groups(tail, how())
    assert [len(group["params"]) for group in groups] == [1, 2]
    assert {id(p) for group in groups for p in group["params"]} == {id(p) for p in tail.parameters() if p.requires_grad}


def test_without_pretrained_stages_the_head_is_the_only_group():
    assert rates(Tail(nn.Identity(), DenseHead(4, 3, hidden=5)), how()) == [0.1]


def test_with_prompts_both_towers_learn_at_the_rate_of_their_height():
    tail = Tail(Tower(linear(), linear()), prompts(Tower(linear(), linear(), linear())))
    settings = how(head="prompts", layer_decay=0.5)
    assert rates(tail, settings) == pytest.approx([0.05, 0.1, 0.025, 0.05, 0.1])
    assert rates(Tail(Tower(linear()), prompts()), settings) == [0.1]


def test_warm_up_rises_evenly_and_a_constant_rate_stays():
    factor = learning_rate_course(how(warmup=1), steps_per_epoch=4)
    assert [factor(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert factor(10_000) == 1


def test_warm_up_may_be_a_part_of_an_epoch():
    factor = learning_rate_course(how(warmup=0.5), steps_per_epoch=6)
    assert [factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1]


def test_a_cosine_falls_to_nothing_at_the_end_and_stays_there():
    factor = learning_rate_course(how(schedule="cosine", epochs=4), steps_per_epoch=5)
    assert [factor(step) for step in (0, 10, 20, 21)] == pytest.approx([1, 0.5, 0, 0])
    assert factor(5) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


@given(st.integers(1, 30), st.integers(1, 20), st.floats(0, 0.99), st.sampled_from(["constant", "cosine"]))
def test_the_rate_rises_once_falls_once_and_is_never_above_its_full_height(epochs, steps, share, schedule):
    settings = how(epochs=epochs, warmup=share * epochs, schedule=schedule)
    factor = learning_rate_course(settings, steps)
    course = [factor(step) for step in range(epochs * steps)]
    top = course.index(max(course))
    assert all(0 < value <= 1 for value in course)
    assert course[: top + 1] == sorted(course[: top + 1])
    assert course[top:] == sorted(course[top:], reverse=True)


@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from(["constant", "cosine"]))
def test_a_refit_on_more_samples_passes_through_the_same_rates(more, steps, schedule):
    # Nothing here knows how many epochs are run; what grows with the samples is the number of steps in an epoch.
    settings = how(epochs=8, schedule=schedule)
    fold, refit = learning_rate_course(settings, steps), learning_rate_course(settings, steps * more)
    assert [fold(e * steps) for e in range(9)] == pytest.approx([refit(e * steps * more) for e in range(9)])
