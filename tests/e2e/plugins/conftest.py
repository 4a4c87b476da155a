"""Packages that add something to Thawline: those of the guide, installed for one test."""

import importlib
import re
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from thawline import plugins
from thawline.commands.line import composing
from thawline.encoders import digests, load

_PACKAGES = ("lens", "outings", "broken", "sharpness")


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package: its files, and what its entry points name."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    forget()

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
        forget()
        return site / name

    yield put
    monkeypatch.undo()
    forget()


def forget():
    """What is asked for once in a process: which packages are installed, and what is in them."""
    for cached in (
        plugins._entries,
        plugins.added,
        plugins.conf_folders,
        composing._find_added_confs,
        digests.code_digest,
    ):
        cached.cache_clear()
    load._held.clear()
    for name in imported(*_PACKAGES):
        del sys.modules[name]


def build_into(site, source, how="wheel"):
    """Install the package in the folder `source` into the folder `site`, built as pip has it built."""
    build = f"from setuptools import build_meta; build_meta.build_{how}({str(source.parent)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (wheel,) = source.parent.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)


def imported(*packages):
    """The modules of these packages that this process has imported."""
    return [name for name in sys.modules if name.partition(".")[0] in packages]


@pytest.fixture(scope="session")
def guide():
    """The files that the guide shows, each by its path."""
    text = (Path(__file__).parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
    shown = re.findall(r" in `([\w/.]+)`:\n\n((?:(?:    .*)?\n)+)", text, re.IGNORECASE)
    return {path: textwrap.dedent(block).strip() + "\n" for path, block in shown}


@pytest.fixture
def lens(install, guide):
    """The package of the guide, which adds an encoder, a method and a callback."""
    files = {path.removeprefix("lens/"): text for path, text in guide.items() if path.startswith("lens/")}
    entries = re.findall(r'"thawline\.(\w+)"\]\n(\w+) = "(.+)"', guide["pyproject.toml"])
    return install("lens", files, entries)
