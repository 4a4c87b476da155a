"""Trials that differ only above the thaw line are fitted together, and leave what they leave alone."""

import csv
import json
import shutil

import numpy as np
import pytest
from omegaconf import OmegaConf
from tests.runs.readback import read_offline_runs

from thawline.commands.sweeps.trial import run_trial
from thawline.runs.digests import DIGESTS_FILE
from thawline.runs.directory import read_config
from thawline.runs.predictions import read_predictions
from thawline.tasks.events import read as events

pytestmark = pytest.mark.usefixtures("shared_store")
WORDS = ("encoder=tiny_clip", "trainer=cpu", "method=linear", "method.epochs=4", "cv=2", "method.patience=1")
TOGETHER = "trials that share their features are fitted together"


def read(path):
    return json.loads(path.read_text())


def statuses(directory, count):
    return [read(directory / str(number) / "status.json") for number in range(count)]


def history(trial, fold):
    with (trial / "folds" / fold / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_trials_fitted_together_are_those_fitted_alone_and_one_that_diverges_fails_alone(thawline, sample):
    swept = (*WORDS, "method.weight_decay=0.1,0.0", "method.lr=3e-1,1e60", "seed=1", "method.label_smoothing=0.1")
    said = thawline("train", sample, "-m", *swept, status=1)
    assert f"4 {TOGETHER}" in said
    [packed] = (thawline.directory / "outputs/sweep").iterdir()
    by_trainer = ("hydra/launcher=basic", "trainer.checkpoint_every=1000", "logger=csv", "method.weight_decay=0.1")
    thawline("train", sample, "-m", *swept, *by_trainer, status=1)
    alone = thawline.runs("sweep")[-1]
    found = statuses(packed, 4)
    assert [one["status"] for one in found] == ["finished", "failed"] * 2
    for number, one in enumerate(statuses(alone, 2)):
        here, there = packed / str(number), alone / str(number)
        assert (found[number]["status"], found[number]["reason"]) == (one["status"], one["reason"])
        assert (here / "split.csv").read_bytes() == (there / "split.csv").read_bytes()
        if one["status"] == "failed":
            assert "loss became" in one["reason"]
            continue
        said, wanted = (read_predictions(trial / "inner.parquet") for trial in (here, there))
        assert said.paths == wanted.paths
        assert np.abs(said.probabilities - wanted.probabilities).max() <= 1e-5
        facts, others = (read(trial / "metrics.json") for trial in (here, there))
        for fold in ("fold0", "fold1"):
            assert facts["chosen"][fold]["epochs"] == others["chosen"][fold]["epochs"]
            assert history(here, fold) == [pytest.approx(row, abs=1e-5) for row in history(there, fold)]
            left = {path.name for path in (there / "folds" / fold).iterdir()}
            assert {*(path.name for path in (here / "folds" / fold).iterdir()), "last.ckpt"} == left
        assert facts["inner"]["accuracy"] == others["inner"]["accuracy"]
        assert facts.keys() == others.keys()
        assert sum(facts["features"].values()) == sum(others["features"].values())
        assert {path.name for path in here.iterdir()} - {"wandb"} == {path.name for path in there.iterdir()}
        assert DIGESTS_FILE in {path.name for path in here.iterdir()}

    # Each has a W&B run of its own, with the course of its training and its own end.
    runs = [read_offline_runs(packed / str(number)) for number in range(4)]
    assert [[run.exit_code for run in each] for each in runs] == [[0], [1]] * 2
    first = [row for row in runs[0][0].history if "fold1/epoch" in row]
    assert first == [{f"fold1/{name}": value for name, value in row.items()} for row in history(packed / "0", "fold1")]
    assert [run.config["method"]["lr"] for (run,) in runs] == [3e-1, 1e60] * 2


@pytest.mark.long
def test_what_was_broken_off_is_fitted_again_and_what_ended_is_not(thawline, sample):
    words = (*WORDS[:2], "method=linear,logistic", "thaw=head", "seed=0,1,2", "logger=csv", "hydra/launcher=packed")
    assert f"3 {TOGETHER}" in thawline("train", sample, "-m", *words)
    [directory] = (thawline.directory / "outputs/sweep").iterdir()
    before = {n: (directory / str(n) / "inner.parquet").read_bytes() for n in range(6)}
    judged = (directory / "predictions.parquet").read_bytes()
    written = (directory / "2/metrics.json").stat().st_mtime_ns
    # Cut off before the first two were written, and while a trial of another kind was being.
    for number in (0, 1, 5):
        shutil.rmtree(directory / str(number))
    for left in ("metrics.json", "inner.parquet"):
        (directory / "4" / left).unlink()
    for run in (directory, directory / "4"):
        (run / "status.json").write_text(json.dumps({**read(run / "status.json"), "status": "running"}))

    assert f"2 {TOGETHER}" in thawline("train", directory)
    assert [one["status"] for one in statuses(directory, 6)] == ["finished"] * 6
    assert (directory / "2/metrics.json").stat().st_mtime_ns == written
    assert {n: (directory / str(n) / "inner.parquet").read_bytes() for n in range(6)} == before
    assert (directory / "predictions.parquet").read_bytes() == judged


def test_a_sweep_over_optimisers_fits_together_what_it_can_and_says_what_it_can_not(thawline, sample):
    words = (*WORDS[:3], "method.epochs=2", "logger=csv", "hydra/launcher=packed")
    swept = ("method.optimiser=adamw,sgd,lion", "seed=0,1")
    said = " ".join(thawline("train", sample, "-m", *words, *swept).split())
    assert f"2 {TOGETHER}" in said
    for name in ("sgd", "lion"):
        assert f"2 trials are fitted one after another: method.optimiser={name} can't be fitted together" in said
    [sweep] = (thawline.directory / "outputs/sweep").iterdir()
    assert [one["status"] for one in statuses(sweep, 6)] == ["finished"] * 6
    with (sweep / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["setting"] for row in rows) == [f"method.optimiser={name}" for name in ("adamw", "lion", "sgd")]
    tails = {next((sweep / str(n)).glob("folds/*/tail.safetensors")).read_bytes() for n in range(6)}
    assert len(tails) == 6


def test_trials_that_can_not_be_fitted_together_are_read_once_and_left_what_they_leave_alone(
    thawline, sample, monkeypatch
):
    listed = []
    lister = events.list_events
    monkeypatch.setattr(events, "list_events", lambda *given, **how: listed.append(given) or lister(*given, **how))
    words = (*WORDS[:2], "method=logistic", "method.c=[0.1],[-1],[1.0]", "logger=none", "hydra/launcher=basic")
    assert TOGETHER not in thawline("train", sample, "-m", *words, status=1)
    [sweep] = (thawline.directory / "outputs/sweep").iterdir()
    found = statuses(sweep, 3)
    assert [one["status"] for one in found] == ["finished", "failed", "finished"]
    assert "method.c=[-1.0] must list" in found[1]["reason"]
    assert len(listed) == 3  # by the feature pass, for all trials, and where the winner is judged
    chosen = []
    for number in (0, 2):
        here, there = sweep / str(number), thawline.directory / "alone" / str(number)
        config = OmegaConf.to_container(read_config(here))
        run_trial({**config, "paths": {**config["paths"], "run": str(there)}}, [])
        for file in ("inner.parquet", "split.csv", "folds/holdout-inner/tail.safetensors"):
            assert (here / file).read_bytes() == (there / file).read_bytes()
        facts, others = (read(trial / "metrics.json") for trial in (here, there))
        own = {"seconds": 0, "features": sum(facts["features"].values())}
        assert {**facts, **own} == {**others, "seconds": 0, "features": sum(others["features"].values())}
        assert {path.name for path in here.iterdir()} == {path.name for path in there.iterdir()}
        chosen.append(facts["chosen"]["holdout"]["c"])
    assert chosen == [0.1, 1.0]
