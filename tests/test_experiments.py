"""Every experiment composes to settings that pass their checks, and says how it is run."""

from pathlib import Path

import hydra
import pytest

from thawline.commands.app import conf_directory
from thawline.commands.settings import register_settings, to_settings

CONF = Path(__file__).resolve().parents[1] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_composes(name):
    register_settings()
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        words = [f"experiment={name}", "data.path=Photos", "paths.run=run"]
        config = hydra.compose("train", overrides=words)
    assert to_settings(config).task == "events"


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_header_states_the_command(name):
    assert f"thawline train PHOTOS experiment={name}" in (CONF / "experiment" / f"{name}.yaml").read_text()


def test_there_are_experiments():
    assert "events_linear" in EXPERIMENTS
