"""The law: what is computed together is what each training gives alone."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fitting.problems import Clusters, Module, fitting
from tests.fitting.test_gradient import Stage
from torch import nn

from thawline.errors import RunError
from thawline.fitting.fit import fit_fold, read_fit
from thawline.fitting.folds import Fold
from thawline.fitting.heads.head import DenseHead
from thawline.fitting.lightning.checkpoints import load_checkpoint
from thawline.fitting.lightning.data import TailData
from thawline.fitting.lightning.feeding import Feeding
from thawline.fitting.lightning.module import TailModule
from thawline.fitting.lightning.tags import TagsModule
from thawline.fitting.methods.gradient import Course, fit_gradient
from thawline.fitting.packed.course import train_together
from thawline.fitting.packed.fit import Job, fit_together, keep_trained
from thawline.fitting.packed.members import Member, Trained, can_be_stacked
from thawline.fitting.predict import predict_fold
from thawline.fitting.problem import inner_fold
from thawline.fitting.settings import DebugSettings, GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail

# Two folds of different sizes: 72 and 60 samples to train on.
FOLDS = [
    Fold(f"fold{k}", np.flatnonzero(~held), None, np.flatnonzero(held))
    for k, held in enumerate((np.arange(90) % 30 < 6, np.arange(90) % 30 >= 20))
]


class Tails(Clusters):
    """The clusters, and a tail of the shape asked for."""

    def __init__(self, *, stage=False, **head):
        super().__init__(views=1)
        self._stage, self._given = stage, head

    def tail(self):
        return Tail(Stage() if self._stage else nn.Identity(), DenseHead(8, 3, **self._given))


def method(**changes):
    values = {"name": "linear", "head": "linear", "epochs": 6, "batch_size": 16, "lr": 0.05, "patience": 2}
    return GradientSettings(**{**values, **changes})


def inner(problem, fold, fit, how):
    """What a fit says of the inner samples."""
    held = inner_fold(problem, fold, share=how.inner_share, seed=how.seed)
    return predict_fold(problem, held, fit, how.device).probabilities


def compare(problem, how, folds=FOLDS, within=1e-6):
    """Fit each of `how` on each of the folds, together and alone, and give what came of those together."""
    jobs = [Job(problem, fold, one) for one in how for fold in folds]
    together = fit_together(jobs)
    for job, one in zip(jobs, together, strict=True):
        if isinstance(one, RunError):
            with pytest.raises(RunError) as raised:
                fit_fold(problem, job.fold, job.how)
            assert str(raised.value) == str(one)
            continue
        alone = fit_fold(problem, job.fold, job.how)
        assert isinstance(one, Trained)
        assert one.fit.chosen["epochs"] == alone.chosen["epochs"]
        assert one.fit.chosen["inner_loss"] == pytest.approx(alone.chosen["inner_loss"], abs=within)
        said, wanted = (inner(problem, job.fold, fit, job.how) for fit in (one.fit, alone))
        assert np.abs(said - wanted).max() < within
        with (job.how.directory(job.fold) / "history.csv").open() as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        assert rows == [pytest.approx(row, abs=1e-5) for row in one.history]
    return together


@settings(max_examples=2, derandomize=True, deadline=None)
@given(data=st.data())
def test_packed_is_alone(data, tmp_path_factory):
    rate = st.floats(-4, 0).map(lambda power: 10.0**power)
    run = tmp_path_factory.mktemp("runs")
    how = [
        fitting(
            method(lr=data.draw(rate), weight_decay=data.draw(rate), epochs=3),
            run / str(number),
            seed=data.draw(st.integers(0, 2**32 - 1)),
        )
        for number in range(2)
    ]
    compare(Tails(), how, FOLDS[:1])


def test_each_stops_by_itself_at_its_own_best_epoch_and_one_that_diverges_fails_alone(tmp_path):
    rates = (0.3, 0.02, 1e60)
    how = [fitting(method(lr=lr, epochs=8, weight_decay=lr / 10), tmp_path / str(lr)) for lr in rates]
    problem = Tails(hidden=16, dropout=0.3)
    together = compare(problem, how, FOLDS)
    epochs = [len(one.history) for one in together[:4]]
    assert len(set(epochs)) > 1
    assert epochs[0] < 8  # which patience ended
    assert "loss became" in str(together[4])


def test_the_pull_and_the_course_are_each_trainings_own(tmp_path):
    problem = Tails(stage=True)
    given = ({"warmup": 1.0}, {"schedule": "cosine"}, {"body_lr": 0.2, "layer_decay": 0.5})
    how = [fitting(method(**each), tmp_path / str(number)) for number, each in enumerate(given)]

    def pulled(one, strength):
        def pair(problem, fold, *, chooses):
            module, data = one.pair(problem, fold, chooses=chooses)
            fresh = Module(module.tail, one.method, samples=len(data.train), seed=one.seed, penalty=strength)
            return fresh, data

        return replace(one, pair=pair)

    pulls = [pulled(one, strength) for one, strength in zip(how, (0.0, 0.1, 10.0), strict=True)]
    moved = [one.fit.state["stages.layer.weight"] for one in compare(problem, pulls, FOLDS[:1])]
    assert not torch.equal(moved[0], moved[1])


def test_tags_are_stacked_too(clusters, tmp_path):
    sets = torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    train, held = clusters.subset(np.arange(0, 90, 2)), clusters.subset(np.arange(1, 90, 2))

    def pair(how, seed):
        torch.manual_seed(seed)
        tail = Tail(nn.Identity(), DenseHead(8, 3), sets=sets.numpy())
        module = TagsModule(tail, how, targets=torch.from_numpy(train.targets), sets=sets, seed=seed)
        return module, TailData(train, held, Feeding(16, seed))

    given = [(method(epochs=3, label_smoothing=0.1 * seed, class_weights="balanced"), seed) for seed in range(2)]
    together = train_together([Member(*pair(*each), source=each[1]) for each in given])
    for each, one in zip(given, together, strict=True):
        course = Course(TrainerSettings(accelerator="cpu"), DebugSettings(), torch.device("cpu"))
        alone = fit_gradient(*pair(*each), each[0], course, tmp_path / str(each[1]))
        assert one.fit.chosen == pytest.approx(alone.chosen)
        for name, tensor in alone.state.items():
            assert torch.allclose(one.fit.state[name], tensor, atol=1e-6)


def test_what_is_kept_is_what_a_fold_that_was_fitted_alone_keeps(tmp_path):
    how = fitting(method(epochs=2), tmp_path)
    problem, fold = Tails(), FOLDS[0]
    rows = []

    class Mirror:
        def history(self, row):
            rows.append(row)

    [one] = fit_together([Job(problem, fold, how)])
    keep_trained(one, fold, how, Mirror())
    directory = how.directory(fold)
    assert read_fit(directory).chosen == one.fit.chosen
    assert [row["fold0/epoch"] for row in rows] == [0, 1]
    module, _ = how.pair(problem, fold, chooses=True)
    module.load_state_dict(load_checkpoint(directory / "best.ckpt")["state_dict"])
    for name, tensor in module.tail.state_dict().items():
        assert torch.equal(tensor, one.fit.state[name])
    # So the fold is not fitted again.
    before = (directory / "tail.safetensors").stat().st_mtime_ns
    assert fit_fold(problem, fold, how).chosen == one.fit.chosen
    assert (directory / "tail.safetensors").stat().st_mtime_ns == before


class Stepping(Module):
    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx)


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8)

    def forward(self, features):
        return {"features": self.norm(features["features"])}


@pytest.mark.parametrize(
    ("kind", "stages", "stacked"),
    [(Module, nn.Identity(), True), (Module, Normed(), False), (Stepping, nn.Identity(), False)],
)
def test_only_what_takes_the_same_steps_is_stacked(kind, stages, stacked, clusters):
    data = TailData(clusters, None, Feeding(16, 0))
    module = kind(Tail(stages, DenseHead(8, 3)), method(), samples=10, seed=0)
    assert can_be_stacked(module, data) is stacked
    assert not can_be_stacked(kind(module.tail, method(), samples=10, seed=0, mixup=0.2), data)


def test_batches_of_somebody_elses_making_are_left_to_a_trainer(clusters):
    class Other(TailData):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            return batch

    module = Module(Tail(nn.Identity(), DenseHead(8, 3)), method(), samples=10, seed=0)
    assert can_be_stacked(module, TailData(clusters, None, Feeding(16, 0)))
    assert not can_be_stacked(module, Other(clusters, None, Feeding(16, 0)))


class Awkward(TailModule):
    """Its class is told of by whether a number is above 0, which can't be asked of many at once."""

    def forward(self, features):
        logits = self.tail(features)
        return logits if logits.sum() > 0 else logits * 2


def test_what_can_not_be_computed_together_is_left_to_be_fitted_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Awkward, "__module__", "thawline.awkward")
    how = fitting(method(), tmp_path)

    def pair(problem, fold, *, chooses):
        module, data = how.pair(problem, fold, chooses=chooses)
        return Awkward(module.tail, how.method, samples=len(data.train), seed=0), data

    assert fit_together([Job(Tails(), fold, replace(how, pair=pair)) for fold in FOLDS]) == [None, None]
