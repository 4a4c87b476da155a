"""A run that is cut off at any moment says so, and goes on to the same end."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture
def start(thawline, sample):
    """Starts a training in a process of its own; two hundred short epochs."""

    def begin():
        words = ("encoder=tiny_clip", "method=linear", "method.epochs=200", "method.patience=200", "method.lr=1e-4")
        command = [sys.executable, "-m", "thawline.cli", "train", str(sample), *words, "trainer=cpu", "logger=csv"]
        return subprocess.Popen(
            command,
            cwd=thawline.directory,
            env=dict(os.environ),
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has its children ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return begin


def wait_for_epochs(thawline, process, epochs):
    """Wait until the training has written some epochs, and give its run directory."""
    for _ in range(6000):
        for history in thawline.directory.glob("outputs/train/*/folds/holdout/history.csv"):
            if len(history.read_text().splitlines()) > epochs:
                return history.parents[2]
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("the training did not begin within a minute")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_training_that_is_cut_off_is_resumed_to_the_same_end(thawline, start, how):
    process = start()
    run = wait_for_epochs(thawline, process, 5)
    process.send_signal(how)
    process.wait()
    status = json.loads((run / "status.json").read_text())["status"]
    assert (process.returncode, status) == ((130, "interrupted") if how == signal.SIGINT else (-9, "running"))
    assert not (run / "predictions.parquet").exists()

    assert f"resuming {run}" in thawline("train", run)
    whole = start()
    assert whole.wait() == 0, whole.stderr.read()
    other = next(path for path in thawline.runs() if path != run)
    for name in ("predictions.parquet", "folds/holdout/history.csv", "folds/holdout/tail.safetensors"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
