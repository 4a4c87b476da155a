"""What SLURM says of a job decides whether its trial is run on or named. A stand-in says it here."""

import json
from pathlib import Path

import pytest
from tests.commands.sweeps.slurm import install
from tests.extras import require

from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
from thawline.commands.sweeps.launchers.jobs import Job
from thawline.commands.sweeps.launchers.submitted import FOLDER, LocalLauncher, SlurmLauncher
from thawline.runs.sweep import read_trials

NAMES = ("completes", "its time comes", "out of memory", "cancelled", "never done")


def trial_of(names):
    """What a job does, by its trial; it travels by value, as a test's module is not to be had there."""

    def run(config):
        import os
        import signal
        from pathlib import Path

        from thawline.runs.directory import RunDirectory

        directory = Path(config.paths.run)
        name, state = names[int(directory.name)], Path(os.environ["SLURM"], "states", os.environ["JOB"])
        again = (directory / "status.json").exists()
        with RunDirectory(directory, "train", config, keep=True) as begun:
            begun.file("metrics.json").write_text('{"seconds": 1, "inner": {"headline": "a", "a": {"value": 1}}}')
            if name == "its time comes" and not again:
                os.kill(os.getpid(), signal.SIGUSR1)
            elif name == "out of memory":
                state.write_text("OUT_OF_MEMORY")
                os._exit(1)
            elif name == "cancelled":
                state.write_text("CANCELLED")
                os.kill(os.getpid(), signal.SIGTERM)
            elif name == "never done":
                state.write_text("TIMEOUT")
                os._exit(1)

    return run


@pytest.mark.long
@pytest.mark.extra
def test_what_slurm_says_decides_what_becomes_of_a_trial(tmp_path, monkeypatch, capsys):
    require("slurm", "submitit")
    install(tmp_path / "slurm", monkeypatch)
    monkeypatch.setenv("COLUMNS", "200")
    launcher = SlurmLauncher(partition="main", cpus=3, gpus=1, mem_gb=1.5, array_parallelism=4, retries=1, poll_s=0.3)
    function = trial_of(NAMES)
    jobs = [Job(function, "train", ("data.path=x",), tmp_path / "sweep" / str(n), Path.cwd()) for n in range(5)]
    launcher.run(jobs)
    said = capsys.readouterr().out
    found = [(trial.status, trial.reason) for trial in read_trials(tmp_path / "sweep")]
    assert found[:2] == [("finished", None)] * 2
    assert found[2] == ("failed", "its job 1_2 ended as OUT_OF_MEMORY; give it more by hydra.launcher.mem_gb=…")
    assert found[3] == ("failed", "its job 1_3 ended as CANCELLED")
    assert found[4][1] == "it was cut off 2 times (TIMEOUT); give it more time: hydra.launcher.time_min=…"
    assert said.count("trial ") == 5
    first = (tmp_path / "slurm" / "scripts" / "1").read_text().splitlines()
    for line in ("partition=main", "cpus-per-task=3", "gpus-per-node=1", "mem=1536M", "array=0-4%4", "signal=USR1@120"):
        assert f"#SBATCH --{line}" in first
    # Those cut off were run on: one by one, or together where one look found both.
    assert len(list((tmp_path / "slurm" / "scripts").iterdir())) in (2, 3)
    assert {path.suffix for path in (tmp_path / "sweep" / FOLDER).iterdir()} == {".out"}


@pytest.mark.extra
def test_jobs_that_a_killed_sweep_left_are_cancelled_before_the_first_is_submitted(tmp_path, monkeypatch):
    require("slurm", "submitit")
    install(tmp_path / "slurm", monkeypatch)
    folder = tmp_path / "sweep" / FOLDER
    folder.mkdir(parents=True)
    (folder / "7_2_submitted.pkl").touch()
    (tmp_path / "slurm" / "states" / "7_2").write_text("RUNNING")
    monkeypatch.setattr("submitit.SlurmExecutor.map_array", lambda *_: [])
    launcher = SlurmLauncher()
    assert launcher.submit(folder, [Job(print, "train", (), tmp_path / "sweep" / "2", Path.cwd())]) == []
    assert (tmp_path / "slurm" / "cancelled").read_text() == "7_2\n"


def test_the_words_of_jobs_are_those_that_the_trial_is_composed_of(tmp_path):
    register_settings()
    config = compose("train", ["data.path=x", "hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path}", "seed=1"])
    launched = []

    class Kept(SlurmLauncher):
        def __init__(self):
            pass

        def run(self, jobs):
            launched.extend(jobs)

    launcher = Kept()
    launcher.setup(hydra_context=None, task_function=print, config=config)
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "status.json").write_text(json.dumps({"status": "failed", "reason": "bad", "verb": "train"}))
    ends = launcher.launch([["seed=0"], ["seed=1"], ["seed=2"]], 3)
    assert [end.return_value for end in ends] == [None] * 3
    assert [job.directory for job in launched] == [tmp_path / "3", tmp_path / "5"]  # 4 ended before
    assert launched[0].words == ("hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path}", "seed=0")
    assert launched[0].config_name == "train"
    launched.clear()
    (end,) = launcher.launch([["seed=1"]], 4)
    assert (end.return_value, launched) == (None, [])  # nothing is left to run


@pytest.mark.extra
def test_a_sweep_with_nothing_left_touches_no_file(tmp_path, monkeypatch):
    require("slurm", "submitit")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "status.json").write_text(json.dumps({"status": "failed", "reason": "bad", "verb": "train"}))
    (tmp_path / "mine.csv").touch()
    monkeypatch.chdir(tmp_path)
    register_settings()
    launcher = LocalLauncher()
    config = compose("train", ["data.path=x", "hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path}"])
    launcher.setup(hydra_context=None, task_function=print, config=config)
    launcher.launch([["seed=0"]], 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "mine.csv"]
