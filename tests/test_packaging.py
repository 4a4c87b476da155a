"""What a user installs is what is here."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import trove_classifiers
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.lock_part import part

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel, unpacked."""
    out = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(out / "site")
    return out / "site"


def test_the_wheel_carries_conf_prompts_and_the_tiny_clip(wheel):
    ours = {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}
    theirs = {path.relative_to(wheel / "thawline" / "conf") for path in (wheel / "thawline" / "conf").rglob("*.yaml")}
    assert ours == theirs
    assert (wheel / "thawline" / "samples" / "tiny_clip" / "model.safetensors").is_file()
    assert (wheel / "thawline" / "py.typed").is_file()
    made = {path.name for path in (wheel / "thawline/versions/migrations").rglob("*.py")}
    assert {"env.py", "r0001_first.py"} <= made
    assert {"style.css", "script.js"} <= {path.name for path in (wheel / "thawline/reports/page").iterdir()}
    assert (wheel / "thawline" / "html.css").is_file()


def test_an_installed_wheel_composes_its_config(wheel, tmp_path):
    command = [sys.executable, "-m", "thawline.cli", "train", "Photos", "method=logistic", "--cfg", "job"]
    environment = {"PYTHONPATH": str(wheel), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "name: logistic" in done.stdout
    assert "birthday" in done.stdout


def test_an_installed_wheel_lists_its_settings(wheel, tmp_path):
    command = [sys.executable, "-m", "thawline", "settings", "logger"]
    environment = {"PYTHONPATH": str(wheel), "PATH": "", "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("logger=wandb\n    What mirrors the run.\n    csv: ")


def test_the_lock_holds_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = [line for line in lock.splitlines() if line and line[0] not in " #"]
    assert all("==" in line for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_the_lock_satisfies_the_ranges():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement
    # A range, so that another release, or PyTorch's build for processors alone, may be there already.
    torch = next(one for one in map(Requirement, project["dependencies"]) if one.name == "torch")
    assert torch.specifier.contains("2.15.0")
    assert torch.specifier.contains("2.14.1+cpu")
    assert not torch.specifier.contains("3.0")


def test_the_package_says_what_it_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["authors"]
    assert project["keywords"]
    assert set(project["classifiers"]) <= set(trove_classifiers.classifiers)
    assert not any("@" in one or "://" in one for one in map(str, project["authors"]))


def test_agpl_code_is_of_the_extra_people_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock, extras = (ROOT / "requirements.lock").read_text(), project["optional-dependencies"]
    having = {name for name in extras if "ultralytics==" in part(lock, project, [name])}
    assert having == {"people", "dev"}
    assert "ultralytics==" not in part(lock, project, [])


def test_the_architecture_names_files_that_are_there() -> None:
    files = {path.as_posix() for path in (ROOT / "src").rglob("*.py")}
    named = re.findall(r"`([\w./]+\.py)`", (ROOT / "docs/architecture.md").read_text())
    named = [name for name in named if not name.startswith(("X/", "tasks/TASK/"))]
    assert len(named) > 100
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in files)] == []
