import pytest
from omegaconf import OmegaConf

from thawline.errors import RunError, UserError
from thawline.runs.directory import RunDirectory, is_run_directory, read_config, read_status

CONFIG = OmegaConf.create({"seed": 0, "paths": {"run": "here"}, "copy": "${seed}"})


def test_a_run_that_ends_well_is_finished(tmp_path):
    run = tmp_path / "run"
    with RunDirectory(run, "train", CONFIG):
        assert read_status(run)["status"] == "running"
    status = read_status(run)
    assert (status["status"], status["reason"], status["verb"]) == ("finished", None, "train")
    assert status["ended"] >= status["started"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RunError("the loss became nan"), "failed", "the loss became nan"),
        (MemoryError(), "failed", "MemoryError"),
        (KeyboardInterrupt(), "interrupted", "Ctrl-C"),
    ],
)
def test_how_a_run_ended_is_kept_and_the_exception_goes_on(tmp_path, error, status, reason):
    with pytest.raises(type(error)), RunDirectory(tmp_path, "train", CONFIG):
        raise error
    assert (read_status(tmp_path)["status"], read_status(tmp_path)["reason"]) == (status, reason)


def test_the_config_is_kept_resolved(tmp_path):
    with RunDirectory(tmp_path, "train", CONFIG):
        pass
    assert read_config(tmp_path) == {"seed": 0, "paths": {"run": "here"}, "copy": 0}


def test_other_folders_are_no_runs(tmp_path):
    assert not is_run_directory(tmp_path)
    with pytest.raises(UserError, match="is not a run directory"):
        read_status(tmp_path)
    with pytest.raises(UserError, match="there is no run directory"):
        read_config(tmp_path / "missing")
