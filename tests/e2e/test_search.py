"""Trials that an optimiser asks for: each point once, failures named, cut off and gone on with."""

import json
import shutil

import optuna
import pytest
from tests.e2e.test_sweeps import TINY, leaderboard, read, sweep_directory, trials
from tests.extras import require

from thawline.commands.sweeps.search import claims

# Three points: a setting of gradient descent is searched under a method by gradient descent alone.
SPACE = ("method=choice(logistic,linear)", "method.lr=choice(1e-2,1e60)", "logger=none", "sweep.trials=10")


def study_of(directory):
    """The study as Optuna's own tools read it."""
    journal = optuna.storages.journal.JournalFileBackend(str(directory / "journal.log"))
    return optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(journal))


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_a_search_runs_each_point_once_names_what_failed_and_goes_on_where_it_was_cut_off(thawline, sample):
    said = thawline("train", sample, "-m", *TINY, *SPACE, "sweep=tpe", status=1)
    directory = sweep_directory(thawline)
    assert "1 of 3 trials failed" in said
    words = [tuple(read(directory / str(n) / "trial.json")["overrides"]) for n in range(3)]
    points = [tuple(word for word in each if word.startswith("method")) for each in words]
    assert sorted(points) == [
        ("method=linear", "method.lr=0.01"),
        ("method=linear", "method.lr=1e+60"),
        ("method=logistic",),
    ]
    [number] = [n for n, point in enumerate(points) if "method.lr=1e+60" in point]
    status = trials(directory)
    assert [one["status"] for one in status] == ["failed" if n == number else "finished" for n in range(3)]
    assert "sweep:" not in (directory / "0/config.yaml").read_text()

    study = study_of(directory)
    ran = [trial for trial in study.trials if "same_as" not in trial.user_attrs]
    assert [trial.user_attrs["directory"] for trial in ran] == [0, 1, 2]
    assert [trial.state.name for trial in ran] == ["FAIL" if n == number else "COMPLETE" for n in range(3)]
    assert ran[number].user_attrs["reason"] == status[number]["reason"]
    scores = {int(row["trials"]): float(row["accuracy"]) for row in leaderboard(directory)}
    assert {n: ran[n].user_attrs["score"] for n in scores} == scores
    assert study.best_trial.user_attrs["directory"] == int(leaderboard(directory)[0]["trials"])

    # Cut off while the last was asked for: half a line is left of it.
    lines = (directory / "journal.log").read_bytes().splitlines(keepends=True)
    created = [n for n, line in enumerate(lines) if json.loads(line)["op_code"] == 4]
    (directory / "journal.log").write_bytes(b"".join(lines[: created[2] + 1]) + b'{"op_code":5,"wor')
    before = [(directory / str(n) / "status.json").stat().st_mtime_ns for n in range(2)]
    whole = {n: (directory / str(n) / "inner.parquet") for n in range(3) if n != number}
    whole = {n: path.read_bytes() for n, path in whole.items()}
    shutil.rmtree(directory / "2")
    (directory / "status.json").write_text(json.dumps({**read(directory / "status.json"), "status": "running"}))
    thawline("train", directory, status=1)
    assert [(directory / str(n) / "status.json").stat().st_mtime_ns for n in range(2)] == before
    assert {n: (directory / str(n) / "inner.parquet").read_bytes() for n in whole} == whole
    assert [tuple(read(directory / str(n) / "trial.json")["overrides"]) for n in range(3)] == words

    # Beside a process that ends it another helps, and ends nothing.
    with claims.owning(directory) as owner:
        assert owner
        (directory / "leaderboard.csv").unlink()
        assert "helping with" in thawline("train", directory)
        assert not (directory / "leaderboard.csv").exists()


@pytest.mark.usefixtures("shared_store")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-m", "sweep=tpe"), "the search has nothing to search"),
        (("-m", "sweep=tpe", "seed=0,1"), "'seed' can't be swept"),
        (("-m", "sweep=tpe", "sweep.trials=1,2", "thaw=head,1"), "'sweep.trials' is the whole sweep's"),
        (("-m", "sweep=tpe", "method.epochs=interval(1,3)"), "Integer"),
        (("-m", "sweep=tpe", "sweep.trials=null", "thaw=head,1"), "the search has no end"),
        (("-m", "sweep=tpe", "sweep.storage=nosuch://x", "thaw=head,1"), "sweep.storage can't be used"),
        (("-m", "sweep=tpe", "sweep.prune=wilcoxon", "thaw=head,1"), "give cv=5, say"),
        (("-m", "sweep.prune=median", "thaw=head,1"), "sweep.prune=median is for a search"),
        (("-m", "sweep=nsga2", "sweep.prune=median", "thaw=head,1"), "is for one objective alone"),
        (("-m", "sweep.trials=3", "thaw=head,1"), "sweep.trials is for a search"),
        (("-m", "hydra/sweeper=search", "thaw=head,1"), "hydra/sweeper is what sweep=grid chooses"),
        (("-m", "method.lr=interval(0.1,1)"), "add sweep=tpe"),
        (("sweep=tpe",), "sweep=tpe is for a sweep; add -m"),
    ],
)
def test_a_search_that_can_not_be_run_is_refused_and_leaves_nothing(thawline, sample, words, sentence):
    assert sentence in thawline.refused("train", sample, *TINY, "method=linear", *words)
    outputs = thawline.directory / "outputs" / "sweep"
    assert not outputs.exists() or not list(outputs.iterdir())


@pytest.mark.usefixtures("shared_store")
def test_a_search_for_two_objectives_shows_its_front(thawline, sample):
    words = ("method=choice(zero_shot,logistic)", "sweep=nsga2", "sweep.objectives=[score,bytes]", "logger=none")
    said = thawline("train", sample, "-m", *TINY, *words)
    directory = sweep_directory(thawline)
    front = read(directory / "sweep.json")["front"]
    facts = [read(directory / str(n) / "metrics.json") for n in range(2)]
    losses = [(-one["inner"]["accuracy"]["value"], one["tail_bytes"]) for one in facts]
    best = [n for n in range(2) if not all(a <= b for a, b in zip(losses[1 - n], losses[n], strict=True))]
    assert sorted(one["number"] for one in front) == best
    assert {one["bytes"] for one in front} == {facts[n]["tail_bytes"] for n in best}
    assert "front: no other trial is better" in said
    assert said.count("data_report.json") == 1
    assert said.index("data_report.json") < said.index("trial 0: ")  # what the collection holds comes first
    assert study_of(directory).directions[1].name == "MINIMIZE"


def launched(thawline, sample, *launcher):
    """A search of three trials by a launcher; what was printed, and what the study has of each."""
    words = ("method=linear", "method.epochs=2", "method.lr=choice(1e-3,1e-2,1e60)", "sweep=random", "logger=none")
    said = thawline("train", sample, "-m", *TINY, *words, "sweep.trials=3", *launcher, status=1)
    directory = sweep_directory(thawline)
    assert said.count("data_report.json") == 1
    assert said.count("1 of 3 trials failed") == 1
    ran = [trial for trial in study_of(directory).trials if "same_as" not in trial.user_attrs]
    assert sorted(trial.user_attrs["directory"] for trial in ran) == [0, 1, 2]
    for trial in ran:
        status = read(directory / str(trial.user_attrs["directory"]) / "status.json")
        lost = float(trial.params["method.lr"]) > 1
        assert (status["status"], trial.state.name) == (("failed", "FAIL") if lost else ("finished", "COMPLETE"))
    return said


@pytest.mark.usefixtures("shared_store")
def test_a_search_whose_trials_are_fitted_together(thawline, sample):
    assert "trials that share their features are fitted together" in launched(thawline, sample, "hydra/launcher=packed")


@pytest.mark.long
@pytest.mark.extra
@pytest.mark.usefixtures("shared_store")
def test_a_search_in_processes_of_submitit(thawline, sample):
    require("slurm", "submitit")
    launched(thawline, sample, "hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2")


@pytest.mark.long
@pytest.mark.extra
@pytest.mark.usefixtures("shared_store", "only_ray")
def test_a_search_in_tasks_of_ray(thawline, sample):
    require("ray", "ray")
    launched(thawline, sample, "hydra/launcher=ray", "hydra.launcher.n_jobs=2")


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_pruning_ends_trials_early_and_leaves_the_others_as_they_are(thawline, sample):
    words = (*TINY, "method=linear", "method.epochs=8", "method.patience=8", "sweep=random", "sweep.trials=9")
    space = ("method.lr=tag(log,interval(1e-6,1e-1))", "logger=csv")
    said = thawline("train", sample, "-m", *words, *space, "sweep.prune=median")
    thawline("train", sample, "-m", *words, *space)
    pruned, whole = sorted((thawline.directory / "outputs/sweep").iterdir())
    status = trials(pruned)
    ended = [n for n, one in enumerate(status) if one["status"] == "pruned"]
    assert ended
    assert f"{len(ended)} of 9 trials were pruned" in said
    assert all(f"trial {n} pruned: its inner loss of" in said for n in ended)
    assert {trial.user_attrs["directory"] for trial in study_of(pruned).trials if trial.state.name == "PRUNED"} == {
        *ended
    }
    for n in range(9):
        histories = [(one / str(n) / "folds/holdout/history.csv").read_text() for one in (pruned, whole)]
        assert histories[1].startswith(histories[0])
        assert (len(histories[0]) < len(histories[1])) == (n in ended)
        if n not in ended:
            inner = [(one / str(n) / "inner.parquet").read_bytes() for one in (pruned, whole)]
            assert inner[0] == inner[1]
    assert (pruned / "predictions.parquet").read_bytes() == (whole / "predictions.parquet").read_bytes()


@pytest.mark.usefixtures("shared_store")
def test_a_sweep_that_another_process_runs_is_left_to_it(thawline, sample):
    thawline("train", sample, "-m", *TINY, "method=zero_shot", "logger=none")
    with claims.owning(sweep_directory(thawline)):
        assert "another process runs the sweep" in thawline.refused("train", sweep_directory(thawline))
