"""The learning-rate finder: by training samples alone, the same each time, written into the run."""

import csv
import json

import numpy as np
import pytest
import torch
from tests.fitting.problems import Clusters, Module, fitting

from thawline.errors import RunError
from thawline.fitting.fit import fit_fold
from thawline.fitting.folds import Fold
from thawline.fitting.lightning.callbacks.rates import CURVE
from thawline.fitting.named.callbacks import check_callbacks
from thawline.fitting.settings import GradientSettings

FINDER = {"lr_finder": {"min_lr": 1e-5, "max_lr": 10.0, "steps": 60}}


def method(**changes):
    values = {"name": "linear", "head": "linear", "epochs": 3, "batch_size": 16, "lr": 1e-9, "patience": 3}
    return GradientSettings(**{**values, **changes})


def fit(directory, *, callbacks=FINDER, problem=None, earlier=(), epochs=None, **changes):
    problem = problem or Clusters()
    train = np.arange(90)[np.arange(90) % 10 < 8]
    fold = Fold("holdout" if epochs is None else "all", train, inner=None, test=np.setdiff1d(np.arange(90), train))
    how = fitting(method(**changes), directory, callbacks=check_callbacks(callbacks))
    return fit_fold(problem, fold, how, epochs=epochs, earlier=earlier)


def test_it_is_found_by_training_samples_alone_and_written_down(tmp_path):
    held = np.arange(90)[np.arange(90) % 10 >= 8]
    result = fit(tmp_path / "a", problem=Clusters(forbidden=held))
    lr = result.chosen["lr"]
    assert 1e-3 < lr < 10.0
    folder = tmp_path / "a" / "folds" / "holdout"
    assert json.loads((folder / "chosen.json").read_text())["lr"] == lr
    with (folder / CURVE).open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    losses, rates = ([row[name] for row in rows[10:]] for name in ("loss", "lr"))
    assert rates[int(np.argmin(np.gradient(losses)))] == lr
    # Trained at that rate, it is what the same rate gives by itself: the search leaves no trace.
    given = fit(tmp_path / "b", callbacks={}, lr=lr)
    assert all(torch.equal(result.state[name], given.state[name]) for name in given.state)
    assert fit(tmp_path / "c").chosen == result.chosen


def test_a_refit_takes_what_the_folds_found(tmp_path):
    fold = fit(tmp_path / "fold")
    refit = fit(tmp_path / "run", earlier=[fold], epochs=2)
    assert refit.chosen["lr"] == fold.chosen["lr"]
    assert not (tmp_path / "run" / "folds" / "all" / CURVE).exists()
    given = fit(tmp_path / "given", callbacks={}, epochs=2, lr=fold.chosen["lr"])
    assert all(torch.equal(refit.state[name], given.state[name]) for name in given.state)


class Flat(Module):
    def loss(self, logits, targets):
        return logits.sum() * 0.0


def test_where_the_loss_falls_nowhere_it_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.fitting.problems.Module", Flat)
    with pytest.raises(RunError, match=r"lr_finder: the loss falls nowhere between 1e-05 and 10; leave it out"):
        fit(tmp_path)
