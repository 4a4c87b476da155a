"""One command, many trials: features once, each trial its own run, the winner alone judged, failures named."""

import csv
import json
import os
import shlex
import shutil
import signal
import threading
import time

import numpy as np
import pytest
from tests.e2e.apart import Apart
from tests.runs.readback import read_offline_runs

from thawline.reports.gather import gather
from thawline.runs.predictions import read_predictions

TINY = ("encoder=tiny_clip", "trainer=cpu")
FINETUNE = (*TINY, "method=finetune", "method.epochs=2")


def sweep_directory(thawline):
    (directory,) = (thawline.directory / "outputs" / "sweep").iterdir()
    return directory


def trials(directory):
    """The status of each trial, by number."""
    numbered = sorted((path for path in directory.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    return [json.loads((path / "status.json").read_text()) for path in numbered]


def leaderboard(directory):
    with (directory / "leaderboard.csv").open() as file:
        return list(csv.DictReader(file))


def read(path):
    return json.loads(path.read_text())


def test_a_sweep_pays_for_its_features_once_and_judges_its_winner_alone(thawline, sample):
    said = thawline("train", sample, "-m", *FINETUNE, "thaw=head,1,2", "method.lr=1e-3,1e-2", "logger=none")
    directory = sweep_directory(thawline)
    assert [trial["status"] for trial in trials(directory)] == ["finished"] * 6
    sweep = read(directory / "sweep.json")
    (once,) = sweep["features"]
    photos = once["photos"]
    unique = once["computed"] // 3  # three thaw lines; equal files are computed once
    assert once["thaw"] == ["head", 1, 2]
    assert once["computed"] == 3 * unique
    assert photos - 3 == unique  # the sample has three exact duplicates
    for number in range(6):
        facts = read(directory / str(number) / "metrics.json")
        assert facts["features"]["read"] >= unique
        # The prompts of the zero-shot baseline are computed by the first trial, no photo by any.
        assert facts["features"]["computed"] <= 60 * (number == 0)
        assert "judged" not in facts
        assert not (directory / str(number) / "predictions.parquet").exists()

    rows = leaderboard(directory)
    assert len(rows) == 6
    assert [float(row["accuracy"]) for row in rows] == sorted((float(row["accuracy"]) for row in rows), reverse=True)
    assert rows[0]["p_best"] == ""
    assert all(0 < float(row["p_best"]) <= 1 for row in rows[1:])
    # Of the settings that can't be told apart from the best, that which thaws least; of equals the better one.
    alike = [row["setting"] for row in rows if not row["p_best"] or float(row["p_best"]) >= 0.05]
    assert sweep["alike"] == alike
    simplest = next(row for row in rows if row["setting"] in alike and "thaw=head" in row["setting"])
    assert int(simplest["trials"]) == sweep["winner"] == sweep["chosen"]["holdout"]
    assert f"the simplest is taken: rank {simplest['rank']}" in said
    for row in rows:
        for word in row["setting"].split():
            assert word.split("=")[1] in said

    # What to try next is said, kept, and on the page; no more than three sentences.
    assert 1 <= len(sweep["next"]) <= 3
    assert all(" ".join(one.split()) in " ".join(said.split()) for one in sweep["next"])
    [_, settings] = gather([directory]).boards
    assert list(settings.advice) == sweep["next"]
    assert all(trial.size > 0 and trial.score is not None for trial in settings.trials)

    # What is reported is what the winner's own tail says of the outer photos, which no trial was scored on.
    judged = read_predictions(directory / "predictions.parquet")
    for number in range(6):
        inner = read_predictions(directory / str(number) / "inner.parquet")
        assert not set(inner.paths) & set(judged.paths)
        assert not set(inner.groups) & set(judged.groups)
    assert read(directory / "metrics.json")["judged"]["accuracy"]["value"] == np.mean(judged.said == judged.labels)


@pytest.mark.usefixtures("shared_store")
def test_a_sweeps_choice_is_the_run_that_its_settings_give_alone(thawline, sample):
    """Judging the winner is judging the same run: the tail that was scored, on the photos that were held out."""
    thawline("train", sample, "-m", *FINETUNE, "method.lr=1e-2", "logger=none")
    thawline("train", sample, *FINETUNE, "method.lr=1e-2", "logger=none")
    alone, swept = thawline.runs()[-1], sweep_directory(thawline)
    assert (swept / "predictions.parquet").read_bytes() == (alone / "predictions.parquet").read_bytes()
    # So it can stand beside the run, and be judged again.
    assert "as given" in thawline("compare", swept, alone)
    thawline("evaluate", swept, "logger=none")
    assert (thawline.runs("evaluate")[-1] / "predictions.parquet").read_bytes() == (
        alone / "predictions.parquet"
    ).read_bytes()
    thawline("evaluate", swept, sample, "logger=none")
    refused = thawline.refused("evaluate", swept / "0")
    assert f"is a trial of a sweep, which judges its winner alone; 'thawline evaluate {swept}'" in refused


@pytest.mark.usefixtures("shared_store")
def test_each_trial_is_one_offline_run_with_its_own_config_and_end(thawline, sample):
    said = thawline("train", sample, "-m", *FINETUNE, "thaw=head,20", "method.lr=1e-2,1e30", status=1)
    directory = sweep_directory(thawline)
    assert "3 of 4 trials failed" in said
    assert "1 (thaw=head method.lr=1e+30): the training loss became nan" in said
    assert "thaw=20: clip has 3 blocks" in said
    assert [trial["status"] for trial in trials(directory)] == ["finished", "failed", "failed", "failed"]

    # A run for each trial, and one for what the sweep comes to, in one group.
    assert len(list(directory.rglob("offline-run-*"))) == 5
    mirrors = [read_offline_runs(directory / str(number)) for number in range(4)]
    assert [[run.exit_code for run in each] for each in mirrors] == [[0], [1], [1], [1]]
    runs = [each[0] for each in mirrors]
    [held_out] = read_offline_runs(directory)
    assert (held_out.about["job_type"], held_out.exit_code, held_out.history[:-2]) == ("sweep", 0, [])
    judged = read(directory / "metrics.json")["judged"]["accuracy"]
    assert [held_out.summary[f"accuracy{end}"] for end in ("", "/low", "/high")] == list(judged.values())
    assert held_out.config == read_offline_runs(directory / "0")[0].config | {"paths": held_out.config["paths"]}
    assert len({run.about["run_id"] for run in [*runs, held_out]}) == 5
    runs.append(held_out)
    assert {run.about["run_group"] for run in runs} == {directory.name}
    assert [(run.config["thaw"], run.config["method"]["lr"]) for run in runs[:4]] == [
        ("head", 1e-2),
        ("head", 1e30),
        (20, 1e-2),
        (20, 1e30),
    ]
    # The sweep's own run has all trials in a table.
    table = json.loads((held_out.folder / "files" / held_out.summary["trials.path"]).read_text())
    assert table["columns"] == [
        "trial", "status", "inner accuracy", "seconds", "bytes trained", "thaw", "method.lr"
    ]  # fmt: skip
    assert [(row[0], row[1], *row[5:]) for row in table["data"]] == [
        (0, "finished", "head", 0.01),
        (1, "failed", "head", 1e30),
        (2, "failed", "20", 0.01),
        (3, "failed", "20", 1e30),
    ]
    assert table["data"][0][2] == runs[0].summary["inner/accuracy"]
    with (directory / "0/folds/holdout/history.csv").open() as file:
        history = [{f"holdout/{k}": float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert runs[0].history[:-1] == history  # the last row is the confusion matrix
    assert runs[0].summary["inner/accuracy"] == read(directory / "0/metrics.json")["inner"]["accuracy"]["value"]


@pytest.mark.usefixtures("shared_store")
def test_seeds_and_folds_of_a_setting_are_one_row_and_the_winner_is_refitted_when_asked(thawline, sample):
    words = ("method=gda,zero_shot", "seed=0,1", "cv=2", "refit=true", "logger=none")
    said = thawline("train", sample, "-m", *TINY, *words)
    directory = sweep_directory(thawline)
    rows = leaderboard(directory)
    assert sorted(row["setting"] for row in rows) == ["method=gda", "method=zero_shot"]
    assert [len(row["trials"].split()) for row in rows] == [2, 2]
    sweep = read(directory / "sweep.json")
    assert list(sweep["chosen"]) == ["seed0/fold0", "seed0/fold1", "seed1/fold0", "seed1/fold1"]
    # Nested: each photo is judged once for each seed, by what its own cell chose.
    judged = read_predictions(directory / "predictions.parquet")
    assert len(judged.paths) == 2 * len(set(judged.paths))
    assert (directory / str(sweep["winner"]) / "folds/all/tail.safetensors").exists()
    assert f"refitted on all data: {directory / str(sweep['winner'])}" in said
    assert "over several folds or seeds" in thawline.refused("evaluate", directory)
    others = [n for n in range(4) if n != sweep["winner"]]
    assert not any((directory / str(n) / "folds/all").exists() for n in others)


@pytest.mark.usefixtures("shared_store")
def test_a_sweep_is_refitted_afterwards_finished_or_cut_off(thawline, sample):
    thawline("train", sample, "-m", *TINY, "method=zero_shot", "seed=0,1", "cv=2", "logger=none")
    directory = sweep_directory(thawline)
    refused = thawline.refused("export", directory)
    assert refused.endswith(
        f"none of all data, which this fits: thawline train {shlex.quote(str(directory))} refit=true"
    )
    assert f"'thawline train {directory} refit=true' gives it one model" in thawline.refused("evaluate", directory)
    assert "leave out 'seed=1'" in thawline.refused("train", directory, "refit=true", "seed=1")

    before = (directory / "sweep.json").read_bytes()
    assert f"refitted on all data: {directory / '0'}" in thawline("train", directory, "refit=true")
    assert (directory / "sweep.json").read_bytes() == before
    assert "exported the fit on all data of the winner, trial 0" in thawline("export", directory)

    shutil.rmtree(directory / "0/folds/all")
    shutil.rmtree(directory / "1")
    (directory / "status.json").write_text(
        json.dumps({**read(directory / "status.json"), "status": "interrupted", "reason": "SIGTERM"})
    )
    thawline("train", directory, "refit=true")
    assert [trial["status"] for trial in trials(directory)] == ["finished"] * 2
    assert [row["setting"] for row in leaderboard(directory)] == ["as given"]
    assert (directory / "0/folds/all/tail.safetensors").exists()
    assert read(directory / "sweep.json")["refit"]  # it is known to a sweep that is cut off again


def kill_trial(directory, number, killed, done):
    """Kill the process of a trial with SIGKILL, once it trains."""
    while not done.wait(0.02):
        for history in directory.glob(f"outputs/sweep/*/{number}/folds/holdout/history.csv"):
            status = json.loads((history.parents[2] / "status.json").read_text())
            os.kill(status["process"], signal.SIGKILL)
            killed.append(status["status"])
            return


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_under_joblib_trials_say_what_they_say_in_one_process_and_those_that_fail_fail_alone(thawline, sample):
    """Losses that are no number, and a kill; the others are not touched."""
    words = (*TINY, "method=finetune", "method.epochs=8", "method.patience=8", "thaw=head,1")
    apart = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "method.lr=1e-2,1e60,2e-3,1e30")
    killed, done = [], threading.Event()
    killer = threading.Thread(target=kill_trial, args=(thawline.directory, 6, killed, done))
    killer.start()
    try:
        said = thawline("train", sample, "-m", *words, *apart, status=1)
    finally:
        done.set()
        killer.join()
    directory = sweep_directory(thawline)
    assert killed == ["running"]
    found = trials(directory)
    assert [n for n, trial in enumerate(found) if trial["status"] == "finished"] == [0, 2, 4]
    for number, reason in ((1, "loss became"), (3, "loss became"), (6, "killed by SIGKILL")):
        assert reason in found[number]["reason"]
    assert "5 of 8 trials failed" in said
    for number in (1, 3, 5, 6, 7):
        assert f"{number} (thaw=" in said
    assert len(leaderboard(directory)) == 3
    # In other processes too each trial has a W&B run of its own; the killed one's never ended.
    assert len(list(directory.glob("*/wandb/offline-run-*"))) == 8
    ends = {n: [run.exit_code for run in read_offline_runs(directory / str(n))] for n in (0, 1, 3)}
    assert ends == {0: [0], 1: [1], 3: [1]}

    thawline("train", sample, "-m", *words, "method.lr=1e-2,2e-3", "logger=none")
    one = thawline.runs("sweep")[-1]
    for here, there in ((0, 0), (1, 2), (2, 4)):
        assert (one / str(here) / "inner.parquet").read_bytes() == (
            directory / str(there) / "inner.parquet"
        ).read_bytes()
    assert read(one / "sweep.json")["winner"] == {0: 0, 2: 1, 4: 2}[read(directory / "sweep.json")["winner"]]
    assert (one / "predictions.parquet").read_bytes() == (directory / "predictions.parquet").read_bytes()


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_a_sweep_that_was_killed_goes_on_where_it_was(thawline, sample):
    words = (*TINY, "method=linear", "method.epochs=25", "method.patience=25", "method.lr=1e-3,2e-3,3e-3", "logger=csv")
    process = Apart(thawline.directory, "train", sample, "-m", *words)
    for _ in range(6000):
        if list(thawline.directory.glob("outputs/sweep/*/1/folds/holdout/history.csv")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    directory = sweep_directory(thawline)
    before = (directory / "0" / "metrics.json").stat().st_mtime_ns
    assert [trial["status"] for trial in trials(directory)] == ["finished", "running"]
    assert "leave out 'seed=1'" in thawline.refused("train", directory, "seed=1")

    thawline("train", directory)
    assert [trial["status"] for trial in trials(directory)] == ["finished"] * 3
    assert (directory / "0" / "metrics.json").stat().st_mtime_ns == before
    thawline("train", sample, "-m", *words)
    whole = max((thawline.directory / "outputs" / "sweep").iterdir())
    assert (directory / "predictions.parquet").read_bytes() == (whole / "predictions.parquet").read_bytes()
    for number in ("0", "1", "2"):
        mine, others = (path / number / "inner.parquet" for path in (directory, whole))
        assert mine.read_bytes() == others.read_bytes()


@pytest.mark.usefixtures("shared_store")
def test_trials_that_met_a_full_disk_are_run_again(thawline, sample, small_disk):
    words = (*TINY, "method=logistic", "method.c=[1]", "seed=0,1", "logger=none", f"paths.outputs={small_disk}")
    filling = small_disk / "filling"
    filling.write_bytes(bytes(3_930_000))
    said = thawline("train", sample, "-m", *words, status=1)
    (directory,) = (small_disk / "sweep").iterdir()
    assert "2 of 2 trials failed: 0 (" in said
    assert f"; 'thawline train {directory}' runs 0 and 1 again, for want of disk or memory" in said
    assert read(directory / "status.json")["status"] == "failed"
    first = read(directory / "0" / "status.json")  # the other had not even room for this
    assert (first["status"], first["again"], "No space left" in first["reason"]) == ("failed", True, True)

    filling.unlink()
    thawline("train", directory)
    assert [trial["status"] for trial in trials(directory)] == ["finished"] * 2
    assert read(directory / "status.json")["status"] == "finished"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-m", "thaw=20"), "thaw=20: clip has 3 blocks"),
        (("-m", "method=linear", "trainer.devices=2", "seed=0,1"), "a sweep's trials are one device each"),
        (("-m", "method=logistic", "augmentation=light", "seed=0,1"), "fitted in closed form"),
        (("-m", "method=logistic", "cv=2,3"), "'cv' can't be swept"),
        (("-m", "method=logistic", "data.labels=one,several"), "'data.labels' can't be swept"),
        (("-m", "method=logistic", "data.rename=names.csv,null"), "'data.rename' can't be swept"),
        (("-m", "method=logistic", "people=tag,require"), "'people' can't be swept"),
        (("-m", "method=logistic", "people.min_confidence=0.2,0.4"), "'people.min_confidence' can't be swept"),
        (("-m", "method=logistic", "data.inner=0.2,0.3", "seed=0,1"), "'data.inner' can't be swept"),
        (("-m", "method=linear,lineer"), "there is no method=lineer; did you mean method=linear?"),
        (("-m", "method=logistic,linear", "method.epochs=3"), "not every choice on the command line has the setting"),
    ],
)
def test_a_sweep_that_can_not_be_run_is_refused_and_leaves_nothing(thawline, sample, words, sentence):
    assert sentence in thawline.refused("train", sample, "encoder=tiny_clip", "trainer=cpu", *words)
    outputs = thawline.directory / "outputs" / "sweep"
    assert not outputs.exists() or not list(outputs.iterdir())


@pytest.mark.usefixtures("shared_store")
def test_other_verbs_are_not_swept(thawline, sample):
    assert "-m sweeps over 'thawline train' alone" in thawline.refused("data", "check", sample, "-m")
