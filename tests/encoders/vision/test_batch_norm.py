"""BatchNorm's statistics: they stay, unless they are asked to train."""

import copy

import pytest
import torch
from torch import nn

from thawline.encoders.encoder import Stages

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def statistics(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items() if name.endswith(STATISTICS)}


def moved(tail: Stages, before: dict[str, torch.Tensor]) -> set[bool]:
    return {not torch.equal(tensor, before[name]) for name, tensor in statistics(tail).items()}


@pytest.fixture(params=["timm", "torchvision"])
def encoder(request, make, make_torchvision):
    return make("resnet18")[1] if request.param == "timm" else make_torchvision("mobilenet_v3_small")[1]


def test_statistics_move_only_when_they_are_asked_to(encoder, pixels):
    cut = encoder.cut_for(2)
    features = encoder.prefix(cut)({"pixels": pixels(64, 8)})
    whole = statistics(encoder.model)
    for asked in (False, True):
        tail = encoder.tail(cut, batch_norm=asked)
        before = statistics(tail)
        assert before
        tail.eval()(features)
        assert moved(tail, before) == {False}
        assert not any(module.training for module in tail.modules())
        tail.train()(features)
        assert moved(tail, before) == {asked}
    assert all(torch.equal(tensor, whole[name]) for name, tensor in statistics(encoder.model).items())


def test_everything_but_batchnorm_stays_in_eval_mode(make, make_torchvision):
    # A dropout within a BatchNorm of timm's, and dropped paths beside those of torchvision's.
    _, first = make("resnet26d")
    tail = first.tail(0, batch_norm=True)
    norm = next(module for module in tail.modules() if isinstance(module, nn.BatchNorm2d))
    norm.drop = nn.Dropout(0.5)
    for stages in (tail, make_torchvision("efficientnet_b0")[1].tail(0, batch_norm=True)):
        parent = nn.ModuleList([stages]).train()
        training = {type(module) for module in stages.modules() if module.training}
        assert training
        assert all(issubclass(kind, nn.BatchNorm2d) for kind in training)
        norms = [module for module in stages.modules() if isinstance(module, nn.BatchNorm2d)]
        assert all(module.training for module in norms)
        parent.eval()
        assert not any(module.training for module in stages.modules())


def test_a_tail_in_train_mode_computes_with_the_batchs_statistics(encoder, pixels):
    tail = encoder.tail(0, batch_norm=True)
    # The library's own network in train mode, with what else train mode does left out.
    reference = copy.deepcopy(encoder.model).train()
    for module in reference.modules():
        if not isinstance(module, nn.BatchNorm2d):
            module.training = False
    images = {"pixels": pixels(64, 8)}
    with torch.no_grad():
        ours = tail.train()(images)["features"]
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (encoder.preprocessing.mean, encoder.preprocessing.std))
        theirs = reference(((images["pixels"] / 255 - mean) / std).contiguous(memory_format=torch.channels_last))
    assert (ours - theirs).abs().max() <= 1e-5
    assert (ours - tail.eval()(images)["features"]).abs().max() > 1e-3


def test_trained_statistics_go_back_into_the_network(encoder, pixels):
    cut = encoder.cut_for(1)
    features = encoder.prefix(cut)({"pixels": pixels(64, 8)})
    tail = encoder.tail(cut, batch_norm=True)
    with torch.no_grad():
        tail.train()(features)
    trained = tail.eval()(features)["features"]
    encoder.load_tail(cut, tail.state_dict())
    whole = encoder.prefix(len(encoder.stages))({"pixels": pixels(64, 8)})["features"]
    assert (whole - trained).abs().max() <= 1e-5
