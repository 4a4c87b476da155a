import csv
import logging
import socket

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from tests.fitting.problems import Module
from torch import nn

from thawline.encoders.settings import EncoderSettings
from thawline.encoders.vision.timm import cut_timm, load_preprocessing
from thawline.errors import RunError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail, final_features

CPU = torch.device("cpu")


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
    return kind(tail, how or settings(), samples=len(samples), penalty=penalty, seed=0)


def fit(
    samples, inner, directory, *, module=None, how=None, epochs=None, mirror=None, debug=None, devices=1, **feeding
):
    how = how or settings()
    module = module or new_module(samples, how=how)
    feed = Feeding(how.batch_size, seed=0, **feeding)
    trainer = TrainerSettings(accelerator="cpu", devices=devices)
    course = Course(trainer, debug or DebugSettings(), device=CPU, epochs=epochs)
    return fit_gradient(module, TailData(samples, inner, feed), how, course, directory, mirror=mirror)


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

    def history(self, row):
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
    how = settings(epochs=5, lr=0.01, body_lr=0.01)
    moved = {}
    for penalty in (0.0, 10.0):
        module = new_module(halves[0], stages=Stage(), penalty=penalty, how=how)
        start = {name: p.detach().clone() for name, p in module.tail.named_parameters()}
        fit(*halves, tmp_path / str(penalty), module=module, how=how)
        moved[penalty] = {name: (p - start[name]).abs().max().item() for name, p in module.tail.named_parameters()}
    assert moved[10.0]["stages.layer.weight"] < 0.5 * moved[0.0]["stages.layer.weight"]
    assert moved[10.0]["head.layers.0.weight"] > 0.5 * moved[0.0]["head.layers.0.weight"]


def course_of(directory):
    """The history as numbers."""
    return {name: [float(row[name]) for row in rows(directory)] for name in ("train_loss", "inner_loss")}


def test_a_training_under_a_cosine_that_was_cut_off_ends_like_one_that_was_not(halves, tmp_path):
    how = settings(schedule="cosine", warmup=1.5, epochs=6, patience=6)
    whole = fit(*halves, tmp_path / "whole", how=how)
    with pytest.raises(KilledError):
        fit(*halves, tmp_path / "cut", how=how, mirror=DyingMirror())
    resumed = fit(*halves, tmp_path / "cut", how=how)
    assert all(torch.equal(whole.state[name], resumed.state[name]) for name in whole.state)
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    assert course_of(tmp_path / "cut") != course_of_constant(halves, tmp_path)


def course_of_constant(halves, tmp_path):
    fit(*halves, tmp_path / "constant", how=settings(epochs=6, patience=6))
    return course_of(tmp_path / "constant")


def test_the_rates_are_those_of_the_course_and_a_refit_stops_on_the_way(halves, tmp_path):
    how = settings(schedule="cosine", warmup=1, epochs=8, lr=0.02, body_lr=0.01)
    kept = {}
    for name, epochs in (("whole", None), ("refit", 3)):
        torch.manual_seed(1)
        module = new_module(halves[0], stages=Stage(), how=how)
        fit(halves[0], None, tmp_path / name, module=module, how=how, epochs=epochs)
        kept[name] = rows(tmp_path / name)
    assert len(kept["whole"]) == 8
    assert kept["refit"] == kept["whole"][:3]
    last = torch.load(tmp_path / "refit" / "last.ckpt", weights_only=True)
    rates = [group["lr"] for group in last["optimizer_states"][0]["param_groups"]]
    after = (1 + np.cos(np.pi * (9 - 3) / (24 - 3))) / 2  # 45 samples make 3 steps an epoch
    assert rates == pytest.approx([0.01 * after, 0.02 * after])


def test_debugging_may_end_it_after_a_few_epochs(halves, tmp_path):
    fit(*halves, tmp_path / "few", debug=DebugSettings(epochs=2))
    assert len(rows(tmp_path / "few")) == 2
    fit(*halves, tmp_path / "many", how=settings(epochs=3), debug=DebugSettings(epochs=100))
    assert len(rows(tmp_path / "many")) == 3
    fit(halves[0], None, tmp_path / "refit", epochs=5, debug=DebugSettings(epochs=1))
    assert len(rows(tmp_path / "refit")) == 1


def test_a_limit_of_batches_is_a_limit_of_steps(halves, tmp_path):
    fit(*halves, tmp_path, debug=DebugSettings(epochs=3), limit=2)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 6


def test_one_batch_can_be_learnt_by_heart(halves, tmp_path):
    fit(*halves, tmp_path, how=settings(epochs=150, patience=150), overfit=True)
    course = course_of(tmp_path)
    assert course["train_loss"][-1] < 0.05 < course["train_loss"][0]
    assert course["inner_loss"][-1] < 0.01  # chosen by the very same batch, without dropout


@pytest.mark.parametrize("kind", ["simple", "advanced"])
def test_a_profile_is_written_to_the_folds_directory(halves, tmp_path, kind):
    fit(*halves, tmp_path, debug=DebugSettings(epochs=1, profiler=kind))
    assert "training_step" in (tmp_path / "fit-profile.txt").read_text()


class Backwards(torch.autograd.Function):
    """Fine on the way there, and NaN on the way back."""

    @staticmethod
    def forward(_, logits):
        return logits.clone()

    @staticmethod
    def backward(_, gradient):
        return gradient * float("nan")


class Poisoned(TailModule):
    def loss(self, logits, targets):
        return F.cross_entropy(Backwards.apply(logits), targets)


def test_anomaly_detection_names_the_operation(halves, tmp_path):
    module = new_module(halves[0], Poisoned)
    with (
        pytest.warns(UserWarning, match="Error detected in BackwardsBackward"),
        pytest.raises(RuntimeError, match="'BackwardsBackward' returned nan"),
    ):
        fit(*halves, tmp_path, module=module, debug=DebugSettings(anomaly=True))
    assert not torch.is_anomaly_enabled()


class Counting(TailModule):
    def loss(self, logits, targets):
        self.threads = torch.get_num_threads()
        return F.cross_entropy(logits, targets)


@pytest.mark.parametrize(("threads", "used"), [(None, 1), (2, 2)])
def test_a_small_tail_computes_on_one_thread_unless_told(halves, tmp_path, threads, used):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    module = new_module(halves[0], Counting)
    trainer = TrainerSettings(accelerator="cpu", threads=threads)
    course = Course(trainer, DebugSettings(epochs=1), device=CPU)
    fit_gradient(module, TailData(*halves, Feeding(16, seed=0)), settings(), course, tmp_path)
    assert (module.threads, torch.get_num_threads()) == (used, 3)
    torch.set_num_threads(before)


def test_lightning_speaks_again_after_a_training_that_failed(halves, tmp_path):
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with pytest.raises(RunError):
        fit(*halves, tmp_path, module=new_module(halves[0], Diverging))
    assert logger.level == before


@pytest.fixture
def port_taken(monkeypatch):
    """The port at which Lightning would have its processes meet was free when it looked, and is another program's."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("STANDALONE_PORT", str(other.getsockname()[1]))
        monkeypatch.delenv("MASTER_PORT", raising=False)
        yield


@pytest.mark.long
@pytest.mark.usefixtures("port_taken")
def test_two_processes_train_like_one(halves, tmp_path):
    # Shares of 6 and 5, and a last batch of 12, since no sample is left alone; nothing is drawn by chance in the tail.
    how = settings(epochs=4, patience=4, batch_size=11)
    train, inner = halves
    assert len(train) == 45

    def run(name, devices):
        torch.manual_seed(0)
        tail = Tail(nn.Identity(), DenseHead(8, 3))
        tail.head.standardise.measure(final_features(tail.stages, train))
        module, mirror = Module(tail, how, samples=len(train), seed=0), Noting()
        result = fit(train, inner, tmp_path / name, module=module, how=how, devices=devices, mirror=mirror)
        return result, mirror.rows

    (one, noted), (two, replayed) = run("one", 1), run("two", 2)
    for name in ("train_loss", "inner_loss"):
        here, there = course_of(tmp_path / "one")[name], course_of(tmp_path / "two")[name]
        assert here == pytest.approx(there, rel=1e-4)
    assert one.chosen["epochs"] == two.chosen["epochs"]
    assert all(torch.allclose(one.state[name], two.state[name], atol=1e-3) for name in one.state)
    assert [row["two/epoch"] for row in replayed] == [row["one/epoch"] for row in noted] == [0, 1, 2, 3]
    last = torch.load(tmp_path / "two" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 16


class Exhausted(TailModule):
    """Runs out of memory, or fails in another way, in its first step."""

    error = RuntimeError("")

    def loss(self, logits, targets):
        raise self.error


ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to ..."


@pytest.mark.parametrize(
    ("error", "size", "mend"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."), 16, "try method.batch_size=8"),
        (RuntimeError(ALLOCATOR), 7, "try method.batch_size=3"),
        (MemoryError(), 2, "try method.batch_size=1"),
        (MemoryError(), 1, "thaw less, or take a smaller encoder"),
    ],
)
def test_too_little_memory_names_half_the_batch(halves, tmp_path, monkeypatch, error, size, mend):
    monkeypatch.setattr(Exhausted, "error", error)
    how = settings(batch_size=size)
    with pytest.raises(RunError) as refused:
        fit(*halves, tmp_path, module=new_module(halves[0], Exhausted, how=how), how=how)
    assert str(refused.value) == f"the memory is too small for batches of {size}; {mend}"


def test_other_errors_pass_through(halves, tmp_path, monkeypatch):
    for error in (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of memory, in a sense")):
        monkeypatch.setattr(Exhausted, "error", error)
        with pytest.raises(type(error)) as raised:
            fit(*halves, tmp_path, module=new_module(halves[0], Exhausted))
        assert raised.value is error


class Noting:
    """A mirror that keeps what it is told."""

    def __init__(self):
        self.rows = []

    def history(self, row):
        self.rows.append(row)


class HiddenRows:
    """What a frozen prefix gave, in memory."""

    def __init__(self, hidden):
        self._hidden = hidden

    def __len__(self):
        return len(self._hidden)

    def __getitem__(self, indices):
        return {"hidden": self._hidden[torch.from_numpy(np.asarray(indices))]}


@pytest.fixture
def thawed():
    """A small real network, cut below its last blocks, and 48 images at that cut in two classes."""
    wanted = EncoderSettings(family="timm", name="x", model="resnet10t", size=32)
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False, num_classes=0)
    encoder = cut_timm(network, load_preprocessing(network, wanted), wanted)
    cut = encoder.cut_for(1)
    targets = np.arange(48) % 2
    noise = torch.randint(0, 120, (48, 3, 32, 32)) + 100 * torch.from_numpy(targets)[:, None, None, None]
    hidden = encoder.prefix(cut)({"pixels": noise.to(torch.uint8)})["hidden"]
    return encoder, cut, FeatureSet(HiddenRows(hidden), np.arange(48), targets, np.arange(48))


@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
def test_the_statistics_of_a_real_tail_move_only_when_they_are_asked_to(thawed, tmp_path, batch_norm):
    encoder, cut, samples = thawed
    how = settings(epochs=2, batch_size=12, lr=0.01, batch_norm=batch_norm)
    tail = Tail(encoder.tail(cut, batch_norm=batch_norm == "train"), DenseHead(encoder.dim, 2))
    tail.head.standardise.measure(final_features(tail.stages, samples))
    before = {name: tensor.clone() for name, tensor in tail.state_dict().items()}
    module = Module(tail, how, samples=36, seed=0)
    result = fit(samples.subset(np.arange(36)), samples.subset(np.arange(36, 48)), tmp_path, module=module, how=how)
    moved = {name for name, tensor in result.state.items() if not torch.equal(tensor, before[name])}
    statistics = {name for name in before if "running_" in name or "num_batches" in name}
    assert statistics
    assert moved & statistics == (statistics if batch_norm == "train" else set())
    steps = {int(result.state[name]) for name in statistics if "num_batches" in name}
    # Three steps an epoch; choosing moves nothing.
    assert steps == ({3 * result.chosen["epochs"]} if batch_norm == "train" else {0})
    assert any("block" in name for name in moved - statistics)
