"""Packages that add a task and an encoder: found by their entry points, used by name, and not imported otherwise."""

import importlib
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from thawline import plugins, tasks
from thawline.commands.line import composing
from thawline.encoders import digests, load
from thawline.tasks.task import usable_tasks

NETWORK = '''
from torch import nn

from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Stage


class Mean(Stage):
    """The mean colour of each quarter of a picture."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(2)

    def forward(self, features):
        pixels = features["pixels"]
        return {"features": self.pool(pixels.float() / 255).flatten(1)}


def load(settings):
    half = (0.5, 0.5, 0.5)
    preprocessing = Preprocessing(size=64, resize=64, interpolation="bilinear", mean=half, std=half)
    stage = Mean()
    return Encoder(
        family="quarters", modality="image", model=stage, stages=[stage], borders=["pixels", "features"], dim=12,
        blocks=0, architecture={"cells": 2}, preprocessing=preprocessing,
    )
'''
WORDS = ("encoder=quarters", "method=logistic", "method.c=[1]", "trainer=cpu", "logger=none")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package: its files, and what its entry points name."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    _forget()

    def put(name, files, entries):
        for path, text in {"__init__.py": "", **files}.items():
            (site / name / path).parent.mkdir(parents=True, exist_ok=True)
            (site / name / path).write_text(text, encoding="utf-8")
        about = site / f"{name}-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
        groups = [f"[thawline.{kind}]\n{key} = {where}\n" for kind, key, where in entries]
        (about / "entry_points.txt").write_text("".join(groups), encoding="utf-8")
        importlib.invalidate_caches()
        _forget()
        return site / name

    yield put
    monkeypatch.undo()
    _forget()


def _forget():
    """What is asked for once in a process: which packages are installed, and what is in them."""
    for cached in (plugins.added, plugins.conf_folders, composing._find_added_confs, digests.code_digest):
        cached.cache_clear()
    load._held.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("lens", "outings", "broken")]:
        del sys.modules[name]


@pytest.fixture
def lens(install):
    conf = "# Colours of quarters.\ndefaults: [encoder_schema, _self_]\nfamily: quarters\nname: quarters\n"
    files = {"network.py": NETWORK, "conf/encoder/quarters.yaml": conf}
    return install("lens", files, [("encoders", "quarters", "lens.network:load")])


def test_an_encoder_is_used_by_name_and_its_features_are_found_again(thawline, lens, sample):
    thawline("train", sample, "encoder=tiny_clip", "method=zero_shot", "trainer=cpu", "logger=none")
    assert not [name for name in sys.modules if name.partition(".")[0] == "lens"]
    thawline("train", sample, *WORDS)
    first = thawline.metrics()
    assert first["features"]["computed"] > 100
    assert first["encoder"] == "quarters"
    thawline("train", sample, *WORDS, "seed=1")
    assert thawline.metrics()["features"]["computed"] == 0
    assert "quarters" in thawline("settings", "encoder")
    said = thawline.refused("export", thawline.runs()[-1])
    assert said.startswith("encoder.family=quarters is of the package lens, and a bundle holds none but networks")
    assert thawline("--version", "-v").splitlines()[1:] == ["  encoders: quarters, of lens 1.2"]


def test_what_its_code_gives_is_computed_anew_when_the_code_changes(thawline, lens, sample):
    thawline("train", sample, *WORDS)
    code = lens / "network.py"
    code.write_text(code.read_text().replace("float() / 255", "float() / 128"), encoding="utf-8")
    _forget()
    thawline("train", sample, *WORDS)
    assert thawline.metrics()["features"]["computed"] > 100


def test_an_encoder_may_be_a_module_of_one_file(thawline, lens, sample):
    shutil.rmtree(lens)
    code = lens.with_name("lens.py")
    code.write_text(NETWORK, encoding="utf-8")
    entry = lens.parent / "lens-1.2.dist-info" / "entry_points.txt"
    entry.write_text("[thawline.encoders]\nquarters = lens:load\n", encoding="utf-8")
    importlib.invalidate_caches()
    _forget()
    words = ("encoder=timm", "encoder.family=quarters", "encoder.name=quarters", *WORDS[1:])
    thawline("train", sample, *words)
    assert thawline.metrics()["features"]["computed"] > 100
    before = digests.code_digest("lens")
    code.write_text(NETWORK + "# changed\n", encoding="utf-8")
    _forget()
    assert digests.code_digest("lens") != before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import no_such_module", "the encoder 'quarters' of the package lens can't be imported: No module named"),
        ("load = lambda settings: 3", "lens.network:load of the package lens gives int rather than an Encoder"),
    ],
)
def test_an_encoder_that_can_not_be_had_is_one_sentence(thawline, lens, sample, text, sentence):
    (lens / "network.py").write_text(text, encoding="utf-8")
    assert thawline.refused("train", sample, *WORDS).startswith(sentence)


def test_a_task_of_a_package_trains_under_its_own_name(thawline, install, sample):
    (events,) = (Path(place) / "events" for place in tasks.__path__)
    files = {
        path.name: path.read_text(encoding="utf-8").replace("thawline.tasks.events", "outings")
        for path in events.glob("*.py")
    }
    conf = "# @package _global_\ndefaults:\n  - /prompts: events\ntask: outings\n"
    install("outings", {**files, "conf/task/outings.yaml": conf}, [("tasks", "outings", "outings")])
    thawline("train", sample, "task=outings", "encoder=tiny_clip", "method=zero_shot", "trainer=cpu", "logger=none")
    assert "task: outings" in (thawline.runs()[-1] / "config.yaml").read_text(encoding="utf-8")
    assert sys.modules["outings.read"].__file__.startswith(str(Path(sys.path[0])))


INSTALLED = """
import site, sys
site.addsitedir(sys.argv[1])
from thawline.plugins import added, conf_folders
print(added("encoders")["quarters"].package, *conf_folders(), "lens" in sys.modules)
"""


@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_a_package_as_the_guide_has_it_is_installed_with_its_conf(tmp_path, how):
    pytest.importorskip("setuptools")
    guide = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    (project,) = re.findall(r"`pyproject.toml` says .*?\n\n((?:(?:    .*)?\n)+)", guide)
    source, site = tmp_path / "lens", tmp_path / "site"
    conf = source / "lens" / "conf" / "encoder" / "quarters.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text("family: quarters\n", encoding="utf-8")
    (source / "lens" / "__init__.py").touch()
    (source / "pyproject.toml").write_text(textwrap.dedent(project), encoding="utf-8")
    build = f"from setuptools import build_meta; build_meta.build_{how}({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    found = subprocess.run([sys.executable, "-c", INSTALLED, site], capture_output=True, text=True, check=True)
    place = source if how == "editable" else site
    assert found.stdout.split() == ["lens", str(place / "lens" / "conf"), "False"]


def test_a_name_that_is_taken_and_a_record_that_can_not_be_imported(thawline, install, sample):
    install("broken", {"task.py": "import no_such_module"}, [("tasks", "hikes", "broken")])
    assert "hikes" not in usable_tasks()  # those of the help
    assert thawline.refused("train", sample) == (
        "the task 'hikes' of the package broken can't be imported: No module named 'no_such_module'; uninstall it"
    )
    shutil.rmtree(Path(sys.path[0]) / "broken-1.2.dist-info")
    install("broken", {}, [("encoders", "timm", "broken:load")])
    assert thawline.refused("train", sample).startswith(
        "the package broken adds 'timm' to the encoders, which Thawline"
    )
