import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from thawline import tasks
from thawline.commands.line.settings import register_settings
from thawline.errors import UserError
from thawline.tasks.task import capability
from thawline.tasks.typed import to_settings

CONF = str(Path(__file__).parents[2] / "conf")


def composed(*words):
    register_settings()
    with initialize_config_dir(CONF, version_base="1.3"):
        return compose("data_check", overrides=[*words, "paths.run=run"])


def test_a_lacking_value_is_named():
    with pytest.raises(UserError, match=r"the setting 'data\.path' has no value; give data\.path=…"):
        to_settings(composed())


def test_data_of_a_copied_task_are_of_its_own_class(tmp_path, monkeypatch):
    shutil.copytree(Path(tasks.__path__[0]) / "match", tmp_path / "captions")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    config = composed("task=match", "data.path=pairs.csv", "data.image_base=${oc.env:HOME}")
    assert type(to_settings(config).data) is capability("match", "settings")
    with open_dict(config):
        config.task = "captions"
    data = to_settings(config).data
    assert type(data) is capability("captions", "settings")
    assert (data.path, data.image_base) == ("pairs.csv", str(Path.home()))
