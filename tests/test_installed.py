"""What is built of the project works where only that is installed, and says what it is and how to cite it."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from thawline.version import __version__

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, and the sdist."""
    out = tmp_path_factory.mktemp("dist")
    code = f"from hatchling.build import build_sdist, build_wheel; build_sdist({str(out)!r}); build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.mark.long
def test_the_sdist_makes_the_same_wheel(built, tmp_path):
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert {"LICENSE", "README.md", "CITATION.cff", "pyproject.toml"} <= {path.name for path in source.iterdir()}
    code = f"from hatchling.build import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    assert _contents(tmp_path / wheel.name) == _contents(wheel)


def _contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.long
def test_a_wheel_alone_is_sampled_trained_exported_and_asked_from_anywhere(built, tmp_path):
    venv, here = tmp_path / "venv", tmp_path / "elsewhere"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", built[0]]
    subprocess.run(install, check=True, capture_output=True)
    # What it requires lies beside this Python. A path in a .pth file is no place of packages that are being edited.
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "required.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    here.mkdir()
    environment = {"PATH": f"{venv / 'bin'}:{os.defpath}", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def run(*words):
        done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert Path(run(python, "-c", "import thawline; print(thawline.__file__)").strip()).is_relative_to(site)
    assert run("thawline", "--version") == f"thawline {__version__}\n"
    assert run("thawline", "sample", "events", "Photos", "photos_per_class=24", "-q") == f"{here / 'Photos'}\n"
    trained = json.loads(
        run("thawline", "train", "Photos", "encoder=tiny_clip", "method=logistic", "name=r", "logger=csv", "--json")
    )
    assert trained["metrics"]["judged"]["accuracy"]["value"] > 0.5
    bundle = run("thawline", "export", trained["directory"], "-q").strip()
    assert json.loads((Path(bundle) / "manifest.json").read_text())["base"]["name"]
    photos = sorted(path for path in (here / "Photos" / "wedding").rglob("*.jpg"))[:3]
    said = run("thawline", "predict", bundle, *photos)
    assert [json.loads(line)["path"] for line in said.splitlines()] == [str(path) for path in photos]
    assert "complete -o default" in run("thawline", "completion", "bash")
    assert run("thawline", "completion", "words", "thawline train Photos method=log") == "method=logistic\n"


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_the_lock_has_one_release_of_all_that_is_required_for_each_python(python):
    """The lock is universal: what holds for another Python stands there with a marker."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    about = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    about |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pinned = [Requirement(line.removesuffix("\\")) for line in lines if line and line[0] not in " #"]
    found = [one for one in pinned if one.marker is None or one.marker.evaluate(about)]
    releases = {canonicalize_name(one.name): one for one in found}
    assert len(releases) == len(found)
    extras = project["optional-dependencies"]
    everything = [*project["dependencies"], *(text for some in extras.values() for text in some)]
    wanted = [one for one in map(Requirement, everything) if one.name != "thawline"]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate(about)]
    assert len(wanted) > 50
    for one in wanted:
        (pin,) = releases[canonicalize_name(one.name)].specifier
        assert one.specifier.contains(pin.version), (python, str(one), pin.version)


def test_the_citation_is_valid_cff_and_says_what_the_package_says():
    """The keys that the schema 1.2.0 requires, and no others than it knows of what is used here."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    optional = {"type", "abstract", "version", "license", "keywords", "repository-code", "url"}
    assert cited.keys() <= {"cff-version", "message", "title", "authors"} | optional
    assert (cited["cff-version"], cited["type"], cited["title"]) == ("1.2.0", "software", "Thawline")
    assert all(isinstance(value, str) for key, value in cited.items() if key not in ("authors", "keywords"))
    assert cited["authors"] == project["authors"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert len(set(cited["keywords"])) == len(cited["keywords"]) > 0
