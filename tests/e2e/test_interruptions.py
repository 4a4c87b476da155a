"""A run that is cut off at any moment says so, and goes on to the same end."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.e2e.apart import Apart
from tests.runs.readback import read_offline_runs

from thawline.fitting.lightning.checkpoints import load_checkpoint

HISTORY = "folds/holdout/history.csv"


# So many short epochs that a training lasts longer than a look takes.
WORDS = ("encoder=tiny_clip", "method=linear", "method.epochs=150", "method.patience=150", "method.lr=1e-4")
WORDS = (*WORDS, "trainer=cpu", "logger=wandb", "trainer.checkpoint_every=1000")  # which a Trainer writes


@pytest.fixture
def start(thawline, sample):
    """Starts a training in a process of its own."""

    def begin(*more):
        resumed = len(more) == 1 and isinstance(more[0], Path)
        return Apart(thawline.directory, "train", *(more if resumed else (sample, *WORDS, *more)))

    return begin


@pytest.fixture
def start_afresh(thawline, sample):
    """Starts one that has to import its libraries."""

    def begin():
        command = [sys.executable, "-m", "thawline.cli", "train", str(sample), *WORDS]
        return subprocess.Popen(
            command, cwd=thawline.directory, env=dict(os.environ), stderr=subprocess.PIPE, text=True
        )

    return begin


def wait_for_epochs(thawline, process, epochs):
    """Wait until the training has written some epochs, and give its run directory."""
    for _ in range(6000):
        for history in thawline.directory.glob("outputs/train/*/folds/holdout/history.csv"):
            if len(history.read_text().splitlines()) > epochs:
                return history.parents[2]
        assert process.poll() is None, process.said()
        time.sleep(0.05)
    raise AssertionError("the training did not begin within a minute")


def wait_for(thawline, process, pattern):
    """Wait until a file is there."""
    for _ in range(2400):
        if list(thawline.directory.glob(pattern)):
            return
        assert process.poll() is None, process.said()
        time.sleep(0.05)
    raise AssertionError(f"there is no {pattern} after two minutes")


ENDS = {
    signal.SIGINT: (130, "interrupted", "Ctrl-C"),
    signal.SIGTERM: (143, "interrupted", "SIGTERM"),
    signal.SIGKILL: (-9, "running", None),
}


@pytest.mark.long
def test_a_training_that_is_cut_off_in_any_way_is_resumed_to_the_same_end(thawline, sample, start):
    """One run after another is cut off, and each of them again by the next signal."""
    process = start()
    run = wait_for_epochs(thawline, process, 5)
    for number, (how, end) in enumerate(ENDS.items()):
        process.send_signal(how)
        _, said = process.communicate()
        status = json.loads((run / "status.json").read_text())
        assert (process.returncode, status["status"], status["reason"]) == end, said
        assert "Traceback" not in said
        assert not (run / "predictions.parquet").exists()
        if number < len(ENDS) - 1:
            process = start(run)
            wait_for_epochs(thawline, process, len((run / HISTORY).read_text().splitlines()) + 5)

    (run / ".status.json.4194999.tmp").write_text("left by a killed process")
    assert f"resuming {run}" in thawline("train", run)
    thawline("train", sample, *WORDS)
    other = next(path for path in thawline.runs() if path != run)
    # One W&B run: neither Ctrl-C nor SIGTERM failed it, of what was killed no end is known, and at last it finished.
    mirrors = read_offline_runs(run)
    assert [one.exit_code for one in mirrors] == [143, 143, None, 0]
    assert [one.preempting for one in mirrors] == [True, True, False, False]
    assert all(one.folder.name.endswith(f"-{run.name}") for one in mirrors)
    for name in ("predictions.parquet", HISTORY, "folds/holdout/tail.safetensors"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    assert {path.name for path in run.iterdir()} == {path.name for path in other.iterdir()}


@pytest.mark.long
def test_a_killed_training_that_averages_its_weights_is_resumed_to_the_same_bits(thawline, sample, start):
    words = ("callbacks=[ema,lr_monitor,gradient_norm]", "trainer.checkpoint_every=1", "logger=csv")
    process = start(*words)
    run = wait_for_epochs(thawline, process, 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len((run / HISTORY).read_text().splitlines()) < 151
    thawline("train", run)
    thawline("train", sample, *WORDS, *words)
    other = next(path for path in thawline.runs() if path != run)
    for name in ("predictions.parquet", HISTORY, "folds/holdout/tail.safetensors"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    # What is kept, and judged, is the average, and not the weights that trained.
    kept, last = load_file(run / "folds/holdout/tail.safetensors"), load_checkpoint(run / "folds/holdout/best.ckpt")
    assert all(torch.equal(last["state_dict"][f"tail.{name}"], kept[name]) for name in kept)
    assert not all(torch.equal(last["current_model_state"][f"tail.{name}"], kept[name]) for name in kept)


def test_a_signal_in_the_feature_pass_ends_the_run_in_order(thawline, start_afresh):
    process = start_afresh()
    while not (found := list(thawline.directory.glob("outputs/train/*/status.json"))):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    again = f"goes on with: thawline train {found[0].parent.relative_to(thawline.directory)}\n"
    assert (process.returncode, said) == (143, f"{again}thawline: interrupted by SIGTERM\n")
    assert json.loads(found[0].read_text())["status"] == "interrupted"
    assert not list(found[0].parent.glob("folds/*"))


def wait_for_workers(process):
    """Wait until joblib's first worker is being started."""
    for _ in range(24000):
        assert process.poll() is None, process.said()
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if b"popen_loky" in (place / "cmdline").read_bytes() and os.getpgid(int(place.name)) == process.pid:
                    return
        time.sleep(0.005)
    raise AssertionError("no worker began within two minutes")


@pytest.mark.long
def test_a_signal_to_a_sweep_interrupts_its_trials_and_it_can_be_resumed(thawline, start):
    process = start("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "method.lr=1e-4,2e-4")
    if Path("/proc/self/cmdline").exists():
        wait_for_workers(process)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
        (sweep,) = (thawline.directory / "outputs" / "sweep").iterdir()
        # Python's tracker of semaphores, a process of its own, may have a word on a worker's after that.
        assert process.returncode == 130
        assert "thawline: interrupted" in said.splitlines()
        assert "Traceback" not in said
        assert "KeyboardInterrupt" not in said
        process = start(sweep)
    wait_for(thawline, process, "outputs/sweep/*/1/folds/holdout/last.ckpt")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    (sweep,) = (thawline.directory / "outputs" / "sweep").iterdir()
    trials = sorted(sweep.glob("[0-9]/status.json"))
    ends = {path.parent.name: json.loads(path.read_text()) for path in (*trials, sweep / "status.json")}
    assert process.returncode == 143, said
    assert ends[sweep.name]["status"] == "interrupted"
    assert {(ends[n]["status"], ends[n]["reason"]) for n in ("0", "1")} == {("interrupted", "SIGTERM")}
    mirrors = [read_offline_runs(sweep / number)[-1] for number in ("0", "1")]
    assert [(one.summary["status"], one.preempting) for one in mirrors] == [("interrupted", True)] * 2
    thawline("train", sweep)
    assert {json.loads(path.read_text())["status"] for path in sweep.glob("[0-9]/status.json")} == {"finished"}
