"""A training that is cut off at any batch goes on to the same bits, with loader processes and without."""

import csv
import os
import pickle
import shutil
import signal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from thawline.errors import UserError
from thawline.fitting.feature_set import FeatureSet
from thawline.fitting.folds import BEST, LAST
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning import checkpoints
from thawline.fitting.lightning.checkpoints import SyncedCheckpoints, load_checkpoint
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail
from thawline.runs.signals import Stopped, signals_end_the_run

EPOCHS, BATCHES = 4, 6
CPU = torch.device("cpu")


class CutError(Exception):
    pass


class Pool(nn.Module):
    """A stage above pixels, with dropout, so that the random state of each step matters."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 8)

    def forward(self, features):
        pixels = features["pixels"].float().flatten(1)
        return {"features": F.dropout(self.layer(pixels), 0.3, training=self.training)}


class Module(TailModule):
    """Calls `at` once the step with its number is done, and before it is counted."""

    at = None

    def loss(self, logits, targets):
        return F.cross_entropy(logits, targets)

    def training_step(self, batch, batch_idx):
        if self.at is not None and self.global_step == self.at[0]:
            self.at[1]()
        return super().training_step(batch, batch_idx)


class Pixels:
    """Three classes of 2 x 2 pictures."""

    def __init__(self):
        draw = np.random.default_rng(0)
        self.array = torch.from_numpy(draw.normal(size=(47, 3, 2, 2)).astype(np.float32))

    def __len__(self):
        return len(self.array)

    def __getitem__(self, indices):
        return {"pixels": self.array[torch.from_numpy(np.asarray(indices))]}


def jitter(pixels, seed):
    return pixels + torch.from_numpy(np.random.default_rng(seed).normal(size=pixels.shape).astype(np.float32))


@pytest.fixture(scope="module")
def halves():
    labels = np.arange(47) % 3
    everything = FeatureSet(Pixels(), np.arange(47), labels, np.arange(47))
    return everything.subset(np.arange(23)), everything.subset(np.arange(23, 47))


def fit(halves, directory, *, workers=0, every=1, at=None, patience=EPOCHS, lr=0.05):
    how = GradientSettings(
        name="linear",
        head="linear",
        epochs=EPOCHS,
        batch_size=4,
        lr=lr,
        body_lr=0.02,
        patience=patience,
        schedule="cosine",
        warmup=1.5,
    )
    torch.manual_seed(0)
    module = Module(Tail(Pool(), DenseHead(8, 3, hidden=16, dropout=0.3)), how, samples=23, seed=0, mixup=0.4)
    module.at = at
    feeding = Feeding(4, seed=3, augment=jitter, workers=workers)
    trainer = TrainerSettings(accelerator="cpu", workers=workers, checkpoint_every=every)
    return fit_gradient(module, TailData(*halves, feeding), how, Course(trainer, DebugSettings(), CPU), directory)


def cut():
    raise CutError


def history(directory):
    with (directory / "history.csv").open() as file:
        return list(csv.DictReader(file))


def steps_done(directory):
    return torch.load(directory / "last.ckpt", weights_only=True)["global_step"]


def assert_same(here, there, result, other):
    assert other.state.keys() == result.state.keys()
    assert all(torch.equal(result.state[name], other.state[name]) for name in result.state)
    assert other.chosen == result.chosen
    assert (there / "history.csv").read_bytes() == (here / "history.csv").read_bytes()


@pytest.fixture(scope="module")
def whole_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def whole(halves, whole_directory):
    return fit(halves, whole_directory)


# The first, the last, those at each epoch's border, and some within.
@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 7, 11, 12, 13, 15, 18, 19, 23])
def test_a_cut_before_any_step_is_resumed_to_the_same_bits(halves, whole, whole_directory, tmp_path, step):
    with pytest.raises(CutError):
        fit(halves, tmp_path / "cut", at=(step, cut))
    assert steps_done(tmp_path / "cut") == step  # nothing is done twice
    assert_same(whole_directory, tmp_path / "cut", whole, fit(halves, tmp_path / "cut"))


@pytest.mark.parametrize("steps", [(1,), (6,), (7,), (13, 15, 17), (18, 23)])
def test_loader_processes_go_on_at_the_same_batch(halves, whole, whole_directory, tmp_path, steps):
    for step in steps:
        with pytest.raises(CutError):
            fit(halves, tmp_path / "cut", workers=2, at=(step, cut))
        assert steps_done(tmp_path / "cut") == step
    assert_same(whole_directory, tmp_path / "cut", whole, fit(halves, tmp_path / "cut", workers=2))


@pytest.mark.parametrize(("every", "left"), [(4, 16), (None, 12)])
def test_a_checkpoint_within_an_epoch_is_written_as_often_as_asked(
    halves, whole, whole_directory, tmp_path, every, left
):
    """Without a number, once a minute: this training is over before."""
    with pytest.raises(CutError):
        fit(halves, tmp_path / "cut", every=every, at=(17, cut))
    assert steps_done(tmp_path / "cut") == left
    assert_same(whole_directory, tmp_path / "cut", whole, fit(halves, tmp_path / "cut", every=every))


def test_without_a_number_a_checkpoint_is_written_once_the_time_is_up(halves, tmp_path, monkeypatch):
    monkeypatch.setattr("thawline.fitting.lightning.checkpoints.SECONDS", 0.0)
    with pytest.raises(CutError):
        fit(halves, tmp_path, every=None, at=(17, cut))
    assert steps_done(tmp_path) == 17


@pytest.mark.parametrize("epochs", range(1, EPOCHS))
def test_a_resumed_training_knows_the_best_epoch_of_those_before(halves, tmp_path, epochs):
    """What `last.ckpt` knows of the best epoch includes its own epoch."""
    with pytest.raises(CutError):
        fit(halves, tmp_path, every=1000, at=(epochs * BATCHES, cut))
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    best = next(state for state in last["callbacks"].values() if state.get("monitor") == "inner_loss")
    assert float(best["best_model_score"]) == min(float(row["inner_loss"]) for row in history(tmp_path))


def test_a_run_whose_directory_was_moved_keeps_its_best_epoch(halves, tmp_path):
    """The learning rate is so high that the first epochs are the best."""
    whole = fit(halves, tmp_path / "whole", lr=1.0)
    assert whole.chosen["epochs"] < EPOCHS
    with pytest.raises(CutError):
        fit(halves, tmp_path / "cut", lr=1.0, at=((EPOCHS - 1) * BATCHES + 1, cut))
    (tmp_path / "cut").rename(tmp_path / "moved")
    assert_same(tmp_path / "whole", tmp_path / "moved", whole, fit(halves, tmp_path / "moved", lr=1.0))


def test_a_training_that_stopped_early_and_was_killed_before_its_end_is_not_trained_on(halves, tmp_path):
    result = fit(halves, tmp_path / "here", patience=1, lr=0.2)
    assert len(history(tmp_path / "here")) < EPOCHS
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    again = fit(halves, tmp_path / "there", patience=1, lr=0.2)
    assert_same(tmp_path / "here", tmp_path / "there", result, again)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize(("step", "done"), [(8, 9), (11, 12)])
def test_a_signal_ends_it_after_the_batch_with_a_checkpoint(
    halves, whole, whole_directory, tmp_path, number, step, done
):
    """Also in an epoch's last batch, where the checkpoint is the epoch's."""

    def ask():
        os.kill(os.getpid(), number)

    with pytest.raises(Stopped, match=number.name), signals_end_the_run():
        fit(halves, tmp_path / "cut", every=1000, at=(step, ask))
    assert steps_done(tmp_path / "cut") == done
    assert_same(whole_directory, tmp_path / "cut", whole, fit(halves, tmp_path / "cut", every=1000))


def test_the_handlers_are_what_they_were_afterwards(halves, tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    with signals_end_the_run():
        during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
        fit(halves, tmp_path)
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == during
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == before


class Hostile:
    def __init__(self, canary):
        self._canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self._canary),)


@pytest.mark.parametrize("how", ["pickle", "torch", "cut"])
def test_a_checkpoint_with_something_to_execute_or_a_torn_one_is_refused(halves, tmp_path, how):
    canary, last = tmp_path / "canary", tmp_path / "fold" / "last.ckpt"
    with pytest.raises(CutError):
        fit(halves, tmp_path / "fold", at=(3, cut))
    if how == "pickle":
        last.write_bytes(pickle.dumps({"state_dict": Hostile(canary)}))
    elif how == "torch":
        torch.save({"state_dict": Hostile(canary)}, last)
    else:
        last.write_bytes(last.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"last\.ckpt is not a checkpoint that Thawline wrote"):
        fit(halves, tmp_path / "fold")
    assert not canary.exists()


def test_a_checkpoint_of_which_a_bit_changed_is_refused(tmp_path):
    """Checksums lie in the file, at which PyTorch does not look."""
    path = tmp_path / LAST
    SyncedCheckpoints().save_checkpoint({"state_dict": {"weight": torch.arange(1000.0)}, "epoch": 3}, path)
    assert load_checkpoint(path)["epoch"] == 3
    at = path.read_bytes().index(torch.arange(500.0, 504.0).numpy().tobytes())
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert not torch.equal(torch.load(path, weights_only=True)["state_dict"]["weight"], torch.arange(1000.0))
    with pytest.raises(UserError, match=r"last\.ckpt is not a checkpoint that Thawline wrote \(it is damaged"):
        load_checkpoint(path)


def test_what_follows_a_write_within_a_second_is_written_later_and_the_last_one_after_the_best(tmp_path, monkeypatch):
    now, written = [100.0], []
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    write = checkpoints.write_atomically
    monkeypatch.setattr(
        checkpoints, "write_atomically", lambda path, how: (written.append(path.name), write(path, how))
    )
    io = SyncedCheckpoints()
    io.save_checkpoint({"epoch": 0}, tmp_path / LAST)
    now[0] += 0.5
    io.save_checkpoint({"epoch": 1}, tmp_path / LAST)
    io.save_checkpoint({"epoch": 2}, tmp_path / BEST)
    assert written == [LAST]
    now[0] += 0.5
    io.save_checkpoint({"epoch": 2}, tmp_path / LAST)
    assert written == [LAST, BEST, LAST]
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 2
    io.save_checkpoint({"epoch": 3}, tmp_path / LAST)
    assert io.load_checkpoint(tmp_path / LAST)["epoch"] == 3
    io.save_checkpoint({"epoch": 4}, tmp_path / LAST)
    io.teardown()
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 4
    io.save_checkpoint({"epoch": 5}, tmp_path / LAST)  # the training has ended, nobody would write it later
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 5


def test_a_training_of_a_second_writes_each_checkpoint_twice_at_most(halves, tmp_path, monkeypatch):
    written = []
    write = checkpoints.write_atomically
    monkeypatch.setattr(
        checkpoints, "write_atomically", lambda path, how: (written.append(path.name), write(path, how))
    )
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN_WRITES", 60.0)
    fit(halves, tmp_path)
    assert sorted(written) in ([BEST, BEST, LAST], [BEST, LAST, LAST])
    assert steps_done(tmp_path) == EPOCHS * BATCHES
