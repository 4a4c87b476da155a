"""Processes that torchrun starts train one model together."""

import os
import subprocess
import sys

import pytest

from thawline.errors import UserError
from thawline.fitting.launched import Launched, check_launched, launched
from thawline.fitting.settings import TrainerSettings

WORDS = ("encoder=tiny_clip", "method=linear", "method.epochs=2", "logger=csv")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "thawline")


@pytest.mark.long
@pytest.mark.usefixtures("shared_store")
def test_two_processes_of_torchrun_say_what_two_spawned_ones_say_and_the_first_alone_writes(thawline, sample):
    words = (*TORCHRUN, "train", sample, *WORDS, "trainer=ddp")
    done = subprocess.run(words, cwd=thawline.directory, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    (run,) = thawline.runs("train")
    assert done.stdout.count("run    ") == 1
    thawline("train", sample, *WORDS, "trainer=cpu", "trainer.devices=2")
    other = thawline.runs("train")[-1]
    for name in ("predictions.parquet", "split.csv", "folds/holdout/tail.safetensors", "folds/holdout/history.csv"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name


def test_a_process_alone_is_told_what_starts_several(thawline, sample):
    said = thawline("train", sample, "method=linear", "trainer=ddp", status=2)
    assert "trainer=ddp is for processes that torchrun or srun starts: torchrun --nproc-per-node 2 -m" in said
    said = thawline("train", sample, "-m", "method=linear", "trainer=ddp", "seed=0,1", status=2)
    assert "trainer=ddp can't be used with -m: a sweep's trials are one device each" in said
    said = thawline("train", sample, "method=logistic", "trainer=ddp", status=2)
    assert "trainer=ddp: method=logistic computes on one device" in said


SRUN = {"SLURM_STEP_NUM_TASKS": "6", "SLURM_PROCID": "4", "SLURM_STEP_NUM_NODES": "3"}
TORCH = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "RANK": "3", "LOCAL_WORLD_SIZE": "2"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, None),
        (SRUN, Launched("srun", 4, 6, 3)),
        (TORCH, Launched("torchrun", 3, 4, 2)),
        ({**SRUN, **TORCH}, Launched("torchrun", 3, 4, 2)),
        # A script of sbatch that asked for six tasks is one process, as is one that torchrun starts alone.
        ({"SLURM_NTASKS": "6", "SLURM_PROCID": "0"}, None),
        ({**TORCH, "WORLD_SIZE": "1", "RANK": "0"}, None),
    ],
)
def test_who_started_it_and_with_how_many(given, found, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert launched() == found
    assert found is None or found.devices * found.nodes == found.world
    trainer = TrainerSettings(accelerator="cpu", launched=found is not None)
    assert check_launched(trainer) == found
    trainer.launched = not trainer.launched
    with pytest.raises(UserError, match="trainer=ddp"):
        check_launched(trainer)


def test_torchrun_runs_no_sweep_several_times(thawline, sample, monkeypatch):
    for name, value in TORCH.items():
        monkeypatch.setenv(name, value)
    said = thawline("train", sample, "-m", "method=linear", "seed=0,1", status=2)
    assert "torchrun started 4 processes, each of which would run the whole sweep; start one, without torchrun" in said
    assert not (thawline.directory / "outputs").exists()


def test_torchrun_alone_says_how_many():
    with pytest.raises(UserError, match=r"^trainer.devices=2 can't be used with trainer=ddp: torchrun or srun says"):
        TrainerSettings(accelerator="cpu", launched=True, devices=2)
