"""The folds of a run, fitted together: what a Trainer leaves of each, and what is left to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.fitting.conftest import ArrayRows
from tests.fitting.packed.test_together import FOLDS, Tails, inner, method
from tests.fitting.problems import fitting

from thawline.errors import RunError
from thawline.fitting.fit import fit_fold, is_fitted
from thawline.fitting.folds import LAST, Fold
from thawline.fitting.lightning.history import read_history
from thawline.fitting.packed import fit as together
from thawline.fitting.packed.folds import fit_folds, fits_together
from thawline.fitting.settings import LogisticSettings, TrainerSettings

EVERYTHING = Fold("all", np.arange(90), None, np.arange(0))


def left(how, folds):
    """The names of what the folds' directories hold."""
    return {fold.name: {path.name for path in how.directory(fold).iterdir()} for fold in folds}


def test_the_folds_and_the_refit_are_those_of_a_trainer(tmp_path):
    problem = Tails(hidden=16, dropout=0.3)
    here, there = fitting(method(), tmp_path / "together"), fitting(method(), tmp_path / "alone")
    assert fits_together(here)
    fits = fit_folds(problem, FOLDS, here)
    alone = [fit_fold(problem, fold, there) for fold in FOLDS]
    for fold, one, other in zip(FOLDS, fits, alone, strict=True):
        assert one.chosen == {
            "epochs": other.chosen["epochs"],
            "inner_loss": pytest.approx(other.chosen["inner_loss"], abs=1e-6),
        }
        assert np.abs(inner(problem, fold, one, here) - inner(problem, fold, other, there)).max() < 1e-6
    [everything] = fit_folds(problem, [EVERYTHING], here, epochs=4, earlier=fits)
    other = fit_fold(problem, EVERYTHING, there, epochs=4, earlier=alone)
    assert everything.chosen == other.chosen == {"epochs": 4}
    for name, tensor in other.state.items():
        torch.testing.assert_close(everything.state[name], tensor, atol=1e-6, rtol=0)

    folds = [*FOLDS, EVERYTHING]
    assert left(here, folds) == {name: files - {LAST} for name, files in left(there, folds).items()}
    for fold in folds:
        rows, wanted = (read_history(how.directory(fold) / "history.csv") for how in (here, there))
        assert [row.keys() for row in rows] == [row.keys() for row in wanted]
        for row, other_row in zip(rows, wanted, strict=True):
            assert [bool(value) for value in row.values()] == [bool(value) for value in other_row.values()]
            assert [float(value or 0) for value in row.values()] == pytest.approx(
                [float(value or 0) for value in other_row.values()], abs=1e-5
            )


def test_a_run_that_is_cut_off_between_folds_keeps_those_that_were_written(tmp_path, monkeypatch):
    whole, cut = fitting(method(), tmp_path / "whole"), fitting(method(), tmp_path / "cut")
    wanted = fit_folds(Tails(), FOLDS, whole)
    kept = []

    def keep(trained, fold, *more):
        if kept:
            raise KeyboardInterrupt
        kept.append(fold.name)
        keep_trained(trained, fold, *more)

    keep_trained = together.keep_trained
    monkeypatch.setattr(together, "keep_trained", keep)
    with pytest.raises(KeyboardInterrupt):
        fit_folds(Tails(), FOLDS, cut)
    monkeypatch.undo()
    assert kept == ["fold0"]
    written = (cut.directory(FOLDS[0]) / "tail.safetensors").stat().st_mtime_ns
    fits = fit_folds(Tails(), FOLDS, cut)
    assert (cut.directory(FOLDS[0]) / "tail.safetensors").stat().st_mtime_ns == written
    assert [fit.chosen for fit in fits] == [fit.chosen for fit in wanted]
    for fit, other in zip(fits, wanted, strict=True):
        assert all(torch.equal(tensor, other.state[name]) for name, tensor in fit.state.items())


class Spoilt(Tails):
    """The first samples, which only the second fold trains on, are beyond what single precision can add up."""

    def __init__(self):
        super().__init__()
        features = self._rows[0][np.arange(90)]["features"].numpy()
        features[:6] = 3e38
        self._rows[0] = ArrayRows(features)


def test_one_that_diverges_is_the_runs_failure_and_those_before_it_are_kept(tmp_path):
    how = fitting(method(), tmp_path)
    with pytest.raises(RunError, match=r"loss became .* try a smaller method\.lr"):
        fit_folds(Spoilt(), FOLDS, how)
    assert is_fitted(how.directory(FOLDS[0]))
    assert not is_fitted(how.directory(FOLDS[1]))
    assert left(how, FOLDS[1:]) == {"fold1": {"history.csv"}}  # how it went until then


@pytest.mark.parametrize(
    "given",
    [
        {"trainer": TrainerSettings(accelerator="cpu", checkpoint_every=5)},
        {"trainer": TrainerSettings(accelerator="cpu", save_models=True)},
        {"callbacks": {"ema": object()}},
        {"method": method(optimiser="sgd")},
        {"watch": object()},
        {"device": torch.device("meta")},
        {"method": LogisticSettings(name="logistic", head="linear", c=[1.0])},
    ],
)
def test_what_a_trainer_alone_heeds_is_left_to_it(tmp_path, given):
    assert not fits_together(replace(fitting(method(), tmp_path), **given))


def test_what_a_trainer_began_goes_on_by_it(tmp_path):
    how = fitting(method(), tmp_path)
    how.directory(FOLDS[0]).mkdir(parents=True)
    (how.directory(FOLDS[0]) / LAST).mkdir()
    with pytest.raises(IsADirectoryError):
        fit_folds(Tails(), FOLDS, how)
    # The other fold had been fitted by then, without one.
    assert left(how, FOLDS[1:]) == {
        "fold1": {"best.ckpt", "chosen.json", "history.csv", "tail.safetensors", "SHA256SUMS"}
    }


def test_what_takes_many_steps_is_left_to_a_trainer_which_keeps_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "_MOST_STEPS", 6 * 5 + 6 * 4 - 1)
    how = fitting(method(), tmp_path)
    assert not together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS])
    assert together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS[:1]])
    monkeypatch.setattr(together, "_MOST_WORK", 6 * 72 * 27)  # epochs, samples, parameters
    assert together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS[:1]])
    monkeypatch.setattr(together, "_MOST_WORK", 6 * 72 * 27 - 1)
    assert not together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS[:1]])
    monkeypatch.undo()
    monkeypatch.setattr(together, "ROOM", 27)  # a head of three classes over eight features
    assert together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS[:1]])
    monkeypatch.setattr(together, "ROOM", 26)
    assert not together.can_fit([together.Job(Tails(), fold, how) for fold in FOLDS[:1]])
    fit_folds(Tails(), FOLDS, how)
    assert all(LAST in files for files in left(how, FOLDS).values())
