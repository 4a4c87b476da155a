"""Trials that raise, diverge, want too much memory or are killed fail alone, whatever launches them."""

import threading
from pathlib import Path

import pytest
import yaml
from tests.extras import require
from tools.fail_trials import WORDS, kill_trial, number_of, what_is_wrong, write_trials

SAME = ("inner.parquet", "split.csv", "folds/holdout/tail.safetensors")


def sweep_with_faults(thawline, sample, launcher):
    """A sweep of six trials, four of which fail; gives its directory."""
    word = write_trials(thawline.directory, 6)
    done = threading.Event()
    killer = threading.Thread(target=kill_trial, args=(thawline.directory, number_of(word, "killed"), done))
    killer.start()
    try:
        said = thawline("train", sample, "-m", *WORDS, word, *launcher, status=1)
    finally:
        done.set()
        killer.join()
    (directory,) = (thawline.directory / "outputs" / "sweep").iterdir()
    assert what_is_wrong(directory, word, said) == []
    assert "4 of 6 trials failed: " in said
    for number in range(6):
        assert f"trial {number}" in said
    return directory


def compare_with_one_process(thawline, sample, directory):
    """What completed is, to the bit, what one process makes of it; so is the config, but for the launcher."""
    thawline("train", sample, "-m", *WORDS, "experiment=sound0,sound1")
    alone = thawline.runs("sweep")[-1]
    sound = [path for path in sorted(directory.glob("[0-9]")) if (path / "inner.parquet").exists()]
    assert len(sound) == 2
    for path, other in zip(sound, (alone / "0", alone / "1"), strict=True):
        for name in SAME:
            assert (path / name).read_bytes() == (other / name).read_bytes()
        configs = [yaml.safe_load((run / "config.yaml").read_text()) for run in (path, other)]
        assert [config["paths"].pop("run") for config in configs] == [str(path), str(other)]
        assert configs[0] == configs[1]


@pytest.mark.long
@pytest.mark.extra
@pytest.mark.usefixtures("shared_store")
def test_processes_of_submitit(thawline, sample):
    require("slurm", "submitit")
    directory = sweep_with_faults(thawline, sample, ("hydra/launcher=submitit_local", "hydra.launcher.n_jobs=2"))
    compare_with_one_process(thawline, sample, directory)
    logs = [path.name for path in (directory / "jobs").iterdir()]
    assert len(logs) == 1  # what the killed one said last, and no pickle
    assert logs[0].endswith("_log.out")


@pytest.mark.long
@pytest.mark.extra
@pytest.mark.usefixtures("shared_store", "only_ray")
def test_tasks_of_ray(thawline, sample):
    require("ray", "ray")
    directory = sweep_with_faults(thawline, sample, ("hydra/launcher=ray", "hydra.launcher.n_jobs=2"))
    compare_with_one_process(thawline, sample, directory)
    import ray

    assert not ray.is_initialized()
    assert not _processes_of("ray::") + _processes_of("raylet")


def _processes_of(word):
    """This machine's processes that were started by us and have `word` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text():
                found.append(path.parent.name)
        except OSError:
            continue
    return found
