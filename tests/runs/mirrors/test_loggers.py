import warnings

import hydra
import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra
from tests.runs.readback import read_offline_runs

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.errors import UserError
from thawline.runs.mirrors.loggers import mirrored
from thawline.runs.settings import LOGGERS, LoggerSettings

ABOUT = {"name": "run", "verb": "train", "config": {}, "group": None, "tags": []}


BREAKING = "logger=wandb is not available .*missing.jpg.*; the run goes on without it"


@pytest.mark.parametrize(
    "settings", [LoggerSettings("csv"), LoggerSettings("none"), LoggerSettings("wandb", mode="disabled")]
)
def test_nothing_is_mirrored_and_nothing_written(tmp_path, settings):
    with mirrored(settings, tmp_path, **ABOUT) as mirror:
        assert mirror is None
    assert not list(tmp_path.iterdir())


def break_a_mirror(directory, error=None):
    with mirrored(LoggerSettings("wandb"), directory, **ABOUT) as mirror:
        mirror.history({"all/epoch": 0})
        for _ in range(2):
            mirror.mistakes([(directory / "missing.jpg", "gone")])
        mirror.history({"all/epoch": 1})
        mirror.summary({"accuracy": 1.0})
        mirror.confusion(np.array([[1]]), ["a"])
        if error is not None:
            raise error


def test_a_mirror_that_breaks_warns_once_and_the_run_goes_on(tmp_path):
    with pytest.warns(UserWarning, match=BREAKING) as caught:
        break_a_mirror(tmp_path)
    assert len(caught) == 1
    (read,) = read_offline_runs(tmp_path)
    assert (read.history, read.exit_code) == ([{"all/epoch": 0}], 0)
    assert read.summary == {"all/epoch": 0, "status": "finished"}


@pytest.mark.filterwarnings(f"ignore:{BREAKING}")
def test_the_runs_own_error_comes_out_of_a_broken_mirror(tmp_path):
    with pytest.raises(ValueError, match="mine"):
        break_a_mirror(tmp_path, ValueError("mine"))
    (read,) = read_offline_runs(tmp_path)
    assert read.exit_code == 1


def test_a_mirror_that_cannot_start_warns_and_the_run_goes_on(tmp_path):
    pytest.importorskip("tensorboard")
    (tmp_path / "tensorboard").write_text("in the way")
    reached = []
    with (
        pytest.warns(UserWarning, match="logger=tensorboard is not available"),
        mirrored(LoggerSettings("tensorboard"), tmp_path, **ABOUT) as mirror,
    ):
        reached.append(mirror)
    assert reached == [None]


def test_a_mirror_that_works_does_not_warn(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with mirrored(LoggerSettings("wandb"), tmp_path, **ABOUT) as mirror:
            mirror.history({"all/epoch": 0})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "wandbb"}, "logger.name=wandbb is not known; use one of wandb, mlflow, tensorboard, csv, none"),
        ({"name": "wandb", "mode": "on"}, "logger.mode=on is not known; use one of offline, online, disabled"),
        ({"name": "wandb", "thumbnails": -1}, "logger.thumbnails=-1 must be at least 0"),
    ],
)
def test_what_is_not_known_is_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        LoggerSettings(**settings)


def test_only_none_keeps_no_history():
    assert {name: LoggerSettings(name).keeps_history for name in LOGGERS} == {
        "wandb": True,
        "mlflow": True,
        "tensorboard": True,
        "csv": True,
        "none": False,
    }


@pytest.mark.parametrize("name", LOGGERS)
def test_every_logger_is_a_choice(name):
    register_settings()
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        chosen = hydra.compose("train", overrides=[f"logger={name}"]).logger
    assert (chosen.name, chosen.mode, chosen.thumbnails) == (name, None, 0)
