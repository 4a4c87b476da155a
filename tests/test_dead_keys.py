"""Every key of `conf/` is a setting, and every setting is read for more than to refuse its value."""

import importlib.util
import re
import sys

import hydra
import pytest
import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from tests.settings_reads import ROOT, dead_fields, read_by, settings_classes

from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings

PLANTED = """
from dataclasses import dataclass


@dataclass
class Other:
    name: str = ""


@dataclass
class PlantedSettings:
    read: int = 0
    name: str = ""
    checked: int = 0
    written: int = 0

    def __post_init__(self) -> None:
        if self.checked < 0:
            raise ValueError


@dataclass
class WiderSettings(PlantedSettings):
    more: int = 0


def use(settings: WiderSettings, other: Other) -> str:
    settings.written = settings.read
    return other.name
"""
# Settings that no attribute of their class's type reads: where they are read, and by which words.
READ_OTHERWISE = {
    "EnsembleSettings.name": ("commands/line/composing.py", 'config.get("name")'),
    "EvaluateSettings.name": ("commands/line/composing.py", 'config.get("name")'),
    "TrainSettings.sweep": ("commands/sweeps/plan.py", ".sweep"),
    "PackedSettings.n_jobs": ("commands/sweeps/launchers/settings.py", "launcher.n_jobs"),
    **{
        f"MovedData.{name}": ("commands/line/settings.py", "places_of(asdict(self))")
        for name in ("image_base", "train_csv", "val_csv", "test_csv", "split", "splits", "corrections")
    },
    **{
        f"SlurmSettings.{name}": ("commands/sweeps/launchers/submitted.py", f'"{name}"')
        for name in ("partition", "account", "qos", "constraint")
    },
    # A task's file chooses these groups, for whatever verb it is composed.
    "CheckSettings.prompts": ("tasks/settings.py", "prompts: What a task's file brings along; not used."),
    "CheckSettings.method": ("tasks/settings.py", "method: What a task's file brings along; not used."),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A module with settings, some of which nothing reads."""
    path = tmp_path_factory.mktemp("planted") / "planted.py"
    path.write_text(PLANTED, encoding="utf-8")
    return path


@pytest.mark.long
def test_every_setting_is_read(planted, monkeypatch):
    read = read_by(planted)
    spec = importlib.util.spec_from_file_location("planted", planted)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "planted", module)
    spec.loader.exec_module(module)
    assert dead_fields([module.PlantedSettings, module.WiderSettings], read) == {
        "PlantedSettings.name",
        "PlantedSettings.checked",
        "PlantedSettings.written",
        "WiderSettings.more",
    }
    classes = settings_classes()
    dead = {name for name in dead_fields(classes, read) if not name.endswith("._target_")}
    for name, kind in [(name, kind) for kind in classes for name in dead if name == f"{kind.__name__}.paths"]:
        if "${paths." in composed(kind):
            dead.discard(name)
    assert dead == READ_OTHERWISE.keys()


@pytest.mark.parametrize(("file", "words"), sorted(set(READ_OTHERWISE.values())))
def test_what_is_read_otherwise_is_read(file, words):
    assert words in (ROOT / "src" / "thawline" / file).read_text(encoding="utf-8")


def composed(kind):
    """The config whose schema is `kind`, as YAML with its interpolations."""
    nodes = ConfigStore.instance().repo.items()
    (name,) = [name for name, node in nodes if not isinstance(node, dict) and OmegaConf.get_type(node.node) is kind]
    with hydra.initialize_config_dir(str(conf_directory()), version_base="1.3"):
        return OmegaConf.to_yaml(hydra.compose(name.removesuffix("_schema.yaml").removesuffix("_verbs")))


def strangers(path, conf):
    """The keys of a file of `conf` that the schema which it begins with does not have."""
    given = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    defaults = given.pop("defaults", []) if isinstance(given, dict) else []
    schema = next((each for each in defaults if str(each).endswith("_schema")), None)
    if schema is None:
        return None
    folder = ConfigStore.instance().repo
    for part in path.parent.relative_to(conf).parts:
        folder = folder[part]
    return given.keys() - {"hydra"} - OmegaConf.structured(folder[f"{schema}.yaml"].node).keys()


def test_every_key_of_a_file_is_a_setting(tmp_path):
    register_settings()
    found = {path: strangers(path, conf_directory()) for path in conf_directory().rglob("*.yaml")}
    assert {path: keys for path, keys in found.items() if keys} == {}
    without = {path.relative_to(conf_directory()).parts[0] for path, keys in found.items() if keys is None}
    # Typed by what they are put into: a whole run, Hydra, the settings of a callback, of a group without a schema.
    assert without == {
        "callbacks",
        "choosing",
        "experiment",
        "faces",
        "hydra",
        "prompts",
        "quiet.yaml",
        "sweep",
        "task",
    }
    (tmp_path / "encoder").mkdir()
    planted = tmp_path / "encoder" / "clip.yaml"
    planted.write_text("defaults: [encoder_schema, _self_]\nfamily: clip\nwidht: 3\n")
    assert strangers(planted, tmp_path) == {"widht"}


def test_every_interpolation_is_of_a_setting():
    text = "".join(path.read_text(encoding="utf-8") for path in conf_directory().rglob("*.yaml"))
    assert set(re.findall(r"\$\{([^}:]+)\}", text)) == {"paths.outputs"}


def test_the_settings_that_there_are():
    names = {kind.__name__ for kind in settings_classes()}
    assert {
        "RunSettings",
        "TracksSettings",
        "GradientSettings",
        "EmaSettings",
        "SlurmSettings",
        "PathsSettings",
    } <= names
    assert len(names) > 70
