import json
import subprocess
import sys
from pathlib import Path

import pytest

from thawline.errors import UserError
from thawline.runs.settings import LoggerSettings
from thawline.runs.wandb import wandb_run


def offline_runs(directory):
    """The records of each offline run, read by W&B's own tool, by their type."""
    runs = []
    for path in sorted(directory.glob("wandb/offline-run-*/run-*.wandb")):
        wandb = Path(sys.executable).with_name("wandb")
        command = [wandb, "leet", "inspect", "--json", path]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        runs.append({record["type"]: record[record["type"]] for record in map(json.loads, out.splitlines())})
    return runs


def test_an_offline_run_is_kept_in_the_run_directory(tmp_path):
    with wandb_run(LoggerSettings("wandb"), tmp_path, verb="train", config={"seed": 0}, tags=["x"]) as run:
        run.log({"loss": 1.0})
    (records,) = offline_runs(tmp_path)
    assert records["run"]["job_type"] == "train"
    assert records["run"]["config"]["update"]["seed"] == 0
    assert records["exit"].get("exit_code", 0) == 0


def test_a_failure_is_no_success(tmp_path):
    with pytest.raises(RuntimeError), wandb_run(LoggerSettings("wandb"), tmp_path, verb="t", config={}, tags=[]):
        raise RuntimeError
    (records,) = offline_runs(tmp_path)
    assert records["exit"]["exit_code"] == 1


def test_csv_means_no_wandb(tmp_path):
    with wandb_run(LoggerSettings("csv"), tmp_path, verb="train", config={}, tags=[]) as run:
        assert run is None
    assert not list(tmp_path.iterdir())


def test_without_wandb_the_run_goes_on(tmp_path):
    code = (
        "import sys, pathlib; sys.modules['wandb'] = None\n"
        "from thawline.runs.settings import LoggerSettings\n"
        "from thawline.runs.wandb import wandb_run\n"
        f"path = pathlib.Path({str(tmp_path)!r})\n"
        "with wandb_run(LoggerSettings('wandb'), path, verb='t', config={}, tags=[]) as r:\n"
        "    print('goes on', r)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "goes on None\n"
    assert "W&B is not available" in done.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (LoggerSettings("wandbb"), "logger.name=wandbb is not known"),
        (LoggerSettings("wandb", mode="on"), "logger.mode=on"),
    ],
)
def test_unknown_names_are_refused(tmp_path, settings, sentence):
    with pytest.raises(UserError, match=sentence), wandb_run(settings, tmp_path, verb="t", config={}, tags=[]):
        pass
