"""What tests compose is what Hydra composes."""

import os

import hydra
import pytest
from omegaconf import OmegaConf
from tests import composed_once

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings


def composed(*words):
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        config = hydra.compose("train", list(words), return_hydra_config=True)
    return OmegaConf.to_yaml(config)


@pytest.mark.parametrize(
    "files", [("method=linear",), ("task=match", "experiment=match_zero_shot"), ("~prompts", "logger=csv")]
)
def test_a_copy_is_what_was_composed(files, monkeypatch):
    register_settings()
    for memory in ("_LISTS", "_CONFIGS", "_READ"):
        monkeypatch.setattr(composed_once, memory, {})
    first, other = composed(*files, "seed=1"), composed(*files, "seed=2")
    assert len(composed_once._CONFIGS) == 1
    composed_once._CONFIGS.clear()
    composed_once._LISTS.clear()
    composed_once._READ.clear()
    assert composed(*files, "seed=2") == other != first == composed(*files, "seed=1")


def test_a_file_that_changed_is_read_again(tmp_path):
    register_settings()
    own = tmp_path / "seed" / "mine.yaml"
    own.parent.mkdir()
    words = f"hydra.searchpath=[file://{tmp_path}]", "+seed@_global_=mine"
    for number in (1, 2):
        own.write_text(f"seed: {number}\n")
        os.utime(own, ns=(number, number))
        assert f"\nseed: {number}\n" in composed(*words)
