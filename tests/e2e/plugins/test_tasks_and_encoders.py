"""Packages that add a task and an encoder: found by their entry points, used by name, and not imported otherwise."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.plugins.conftest import build_into, forget, imported

from thawline import tasks
from thawline.encoders import digests
from thawline.tasks.task import usable_tasks

WORDS = ("encoder=quarters", "method=logistic", "method.c=[1]", "trainer=cpu", "logger=none")


def test_an_encoder_is_used_by_name_and_its_features_are_found_again(thawline, lens, sample):
    thawline("train", sample, "encoder=tiny_clip", "method=zero_shot", "trainer=cpu", "logger=none")
    assert imported("lens") == []
    thawline("train", sample, *WORDS)
    first = thawline.metrics()
    assert first["features"]["computed"] > 100
    assert first["encoder"] == "quarters"
    thawline("train", sample, *WORDS, "seed=1")
    assert thawline.metrics()["features"]["computed"] == 0
    assert "quarters" in thawline("settings", "encoder")
    said = thawline.refused("export", thawline.runs()[-1])
    assert said.startswith("encoder.family=quarters is of the package lens, and a bundle holds none but networks")


def test_what_its_code_gives_is_computed_anew_when_the_code_changes(thawline, lens, sample):
    thawline("train", sample, *WORDS)
    code = lens / "network.py"
    code.write_text(code.read_text().replace("float() / 255", "float() / 128"), encoding="utf-8")
    forget()
    thawline("train", sample, *WORDS)
    assert thawline.metrics()["features"]["computed"] > 100


def test_an_encoder_may_be_a_module_of_one_file(thawline, lens, guide, sample):
    shutil.rmtree(lens)
    code = lens.with_name("lens.py")
    code.write_text(guide["lens/network.py"], encoding="utf-8")
    entry = lens.parent / "lens-1.2.dist-info" / "entry_points.txt"
    entry.write_text("[thawline.encoders]\nquarters = lens:load\n", encoding="utf-8")
    importlib.invalidate_caches()
    forget()
    words = ("encoder=timm", "encoder.family=quarters", "encoder.name=quarters", *WORDS[1:])
    thawline("train", sample, *words)
    assert thawline.metrics()["features"]["computed"] > 100
    before = digests.code_digest("lens")
    code.write_text(guide["lens/network.py"] + "# changed\n", encoding="utf-8")
    forget()
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
def test_a_package_as_the_guide_has_it_is_installed_with_its_conf(tmp_path, guide, how):
    pytest.importorskip("setuptools")
    source, site = tmp_path / "lens", tmp_path / "site"
    conf = source / "lens" / "conf" / "encoder" / "quarters.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text("family: quarters\n", encoding="utf-8")
    (source / "lens" / "__init__.py").touch()
    (source / "pyproject.toml").write_text(guide["pyproject.toml"], encoding="utf-8")
    build_into(site, source, how)
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
