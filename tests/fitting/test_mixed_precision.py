"""A tail that is trained in mixed precision."""

from dataclasses import replace

import pytest
import torch
from tests.fitting.problems import Module
from torch import nn

from thawline.encoders import device as devices
from thawline.errors import UserError
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.methods import gradient
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail, final_features

HOW = GradientSettings(name="mlp", head="mlp", epochs=3, batch_size=16, lr=0.01, patience=3)
COURSE = Course(TrainerSettings(accelerator="cpu"), DebugSettings(), torch.device("cpu"))


def fit(halves, directory, precision, device=COURSE.device):
    torch.manual_seed(0)
    tail = Tail(nn.Identity(), DenseHead(8, 3, hidden=16))
    tail.head.standardise.measure(final_features(tail.stages, halves[0]))
    module = Module(tail, HOW, samples=len(halves[0]), seed=0)
    course = replace(COURSE, trainer=replace(COURSE.trainer, precision=precision), device=device)
    return fit_gradient(module, TailData(*halves, Feeding(16, seed=0)), HOW, course, directory)


def test_it_ends_near_single_precision_and_its_weights_are_that(halves, tmp_path):
    whole, mixed = (fit(halves, tmp_path / precision, precision).state for precision in ("32-true", "bf16-mixed"))
    assert {tensor.dtype for tensor in mixed.values()} == {torch.float32}
    name = "head.layers.0.weight"
    assert 1e-5 < ((mixed[name] - whole[name]).norm() / whole[name].norm()).item() < 0.05


def test_a_gpu_without_bfloat16_is_told_so_before_it_trains(halves, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_has_bfloat16", lambda device: device != "cuda")
    with pytest.raises(UserError) as refused:
        fit(halves, tmp_path, "bf16-mixed", torch.device("cuda"))
    assert str(refused.value) == (
        "trainer.precision=bf16-mixed: this machine's GPU does not compute in bfloat16; use trainer.precision=16-mixed"
    )


@pytest.mark.parametrize(
    ("device", "accelerator", "deterministic"), [("cpu", "cpu", True), ("cuda", "gpu", "warn"), ("mps", "mps", "warn")]
)
def test_what_a_gpu_can_not_repeat_is_a_warning_there(
    halves, tmp_path, monkeypatch, device, accelerator, deterministic
):
    class Asked(Exception):  # noqa: N818  # ends the fit
        pass

    def trainer(**how):
        raise Asked(how["accelerator"], how["deterministic"], how["precision"])

    monkeypatch.setattr(gradient.L, "Trainer", trainer)
    with pytest.raises(Asked) as asked:
        fit(halves, tmp_path, "16-mixed", torch.device(device))
    assert asked.value.args == (accelerator, deterministic, "16-mixed")
