"""Settings of the launchers: what is refused before anything runs, and how many trials run side by side."""

import os
import re
from contextlib import contextmanager

import pytest
from tests.extras import require

from thawline.commands.line.composing import compose
from thawline.commands.line.settings import register_settings
from thawline.commands.sweeps.launchers.devices import VARIABLE, own_device, take_device
from thawline.commands.sweeps.launchers.lasting import keep, lasting
from thawline.commands.sweeps.launchers.settings import check_launcher, side_by_side
from thawline.errors import UserError
from thawline.runs.ends import lacked_resources, reason_of


def launcher(*words):
    register_settings()
    return compose("train", ["data.path=x", *words]).hydra.launcher


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((), 1),
        (("hydra/launcher=joblib", "hydra.launcher.n_jobs=3"), 3),
        (("hydra/launcher=joblib",), os.cpu_count()),
        (("hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2"), 2),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.array_parallelism=9"), 9),
        (("hydra/launcher=ray",), os.cpu_count()),
        (("hydra/launcher=ray", "hydra.launcher.n_jobs=5"), 5),
        (("hydra/launcher=packed", "hydra.launcher.n_jobs=32"), 32),
    ],
)
def test_a_launcher_says_how_many_trials_run_side_by_side(words, number):
    assert side_by_side(launcher(*words)) == number


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("hydra/launcher=submitit_local", "hydra.launcher.n_jobs=0"), "n_jobs=0 runs nothing"),
        (("hydra/launcher=submitit_local", "hydra.launcher.time_min=0.5"), "time_min=0.5 is no longer than"),
        (("hydra/launcher=submitit_local", "hydra.launcher.retries=-1"), "retries=-1 is below 0"),
        (("hydra/launcher=packed", "hydra.launcher.n_jobs=0"), "n_jobs=0 is below 1"),
        (("hydra/launcher=ray", "hydra.launcher.num_gpus=2"), "a trial is one device"),
        (("hydra/launcher=ray", "hydra.launcher.num_cpus=-1"), "num_cpus=-1.0 is below 0"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.gpus=2"), "a trial is one device"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.mem_gb=0"), "mem_gb=0.0 is below 0.1"),
        # What would be a line of its own in the script that SLURM runs.
        (("hydra/launcher=submitit_slurm", "hydra.launcher.partition='a\ntouch b'"), "is no name"),
        (("hydra/launcher=submitit_slurm", "hydra.launcher.qos='a b'"), "is no name"),
    ],
)
def test_settings_out_of_range_are_one_sentence(words, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        check_launcher(launcher(*words), words)


def test_a_machine_without_slurm_and_an_environment_without_the_extra_are_told(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="needs SLURM's sbatch, which is not on this machine"):
        check_launcher(launcher("hydra/launcher=submitit_slurm"), ())
    for module in ("thawline.cluster", "thawline.commands.sweeps.launchers.settings"):
        monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs ray, not installed; run: pip install 'thawline\[ray\]'"):
        check_launcher(launcher("hydra/launcher=ray"), ())


def test_what_lies_in_files_holds_no_secret():
    local = launcher("hydra/launcher=submitit_local")
    with pytest.raises(UserError, match=r"'\+x.api_key' is a secret, and submitit keeps jobs in files") as refused:
        check_launcher(local, ["+x.api_key=abcdefghijkl"])
    assert "abcdefghijkl" not in str(refused.value)
    check_launcher(local, ["+x.api_key=${oc.env:NAME}", "seed=0"])


@pytest.mark.extra
def test_ray_keeps_nothing_in_files():
    require("ray", "ray")
    check_launcher(launcher("hydra/launcher=ray"), ["+x.api_key=abcdefghijkl"])


def test_a_launcher_takes_no_name_of_another():
    register_settings()
    with pytest.raises(UserError, match="is not on the list of what a config may run"):
        launcher("hydra/launcher=ray", "hydra.launcher._target_=hydra_plugins.thawline.Other")
    with pytest.raises(UserError, match=r"hydra.launcher has no setting 'setup'; it has n_jobs, "):
        check_launcher(launcher("hydra/launcher=submitit_local", "+hydra.launcher.setup=['touch b']"), ())


@pytest.mark.parametrize(
    ("worker", "visible", "count", "own"),
    [
        (0, None, 0, None),
        (3, None, 1, None),
        (1, "2", 1, "2"),
        (0, None, 4, "0"),
        (3, None, 4, "3"),
        (5, None, 4, "1"),
        (1, "4, 6", 2, "6"),
        (2, "GPU-a,GPU-b", 2, "GPU-a"),
        (0, "", 0, ""),
    ],
)
def test_each_worker_has_a_device_of_its_own_while_there_are_enough(worker, visible, count, own):
    assert own_device(worker, visible, count) == own


def test_a_worker_sees_its_own_device_alone(monkeypatch):
    monkeypatch.setenv(VARIABLE, "4,6")
    take_device(1, lambda: 2)
    assert os.environ[VARIABLE] == "6"
    monkeypatch.delenv(VARIABLE)
    take_device(1, lambda: 0)
    assert VARIABLE not in os.environ


def test_what_launchers_keep_ends_with_the_sweep_whatever_ends_that():
    said = []

    @contextmanager
    def kept(name):
        said.append(f"begin {name}")
        try:
            yield name
        finally:
            said.append(f"end {name}")

    def sweep():
        with lasting():
            assert keep(kept("one")) == "one"
            keep(kept("two"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep()
    assert said == ["begin one", "begin two", "end two", "end one"]


def test_memory_that_can_not_be_had_is_one_sentence():
    import numpy as np
    import torch

    for ask, much in ((lambda: torch.empty(10**15), "4000000000000000 bytes"), (lambda: np.empty(10**15), "7.11 PiB")):
        with pytest.raises((RuntimeError, MemoryError)) as lacking:
            ask()
        assert lacked_resources(lacking.value)
        said = f"out of memory: {much} more was asked for; use a smaller batch or network, or end other programs"
        assert reason_of(lacking.value) == said
