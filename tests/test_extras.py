"""Tests of large extras skip where these are absent, and are marked, so that `make test-extras` finds them."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.extras import ALL, import_extra, require

ROOT = Path(__file__).parents[1]


def test_an_absent_extra_is_named_and_a_failure_where_all_should_be_there(monkeypatch):
    monkeypatch.delenv(ALL, raising=False)
    require("stems", "json")
    assert import_extra("stems", "json.decoder").__name__ == "json.decoder"
    with pytest.raises(pytest.skip.Exception, match="the extra 'stems' is not installed; `make test-extras` does that"):
        require("stems", "json", "there_is_no_such_module")
    monkeypatch.setenv(ALL, "1")
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module of the extra 'stems' is not installed"):
        import_extra("stems", "there_is_no_such_module.part")


def test_what_asks_for_an_extra_is_marked():
    asks = re.compile(r"\b(require|import_extra)\(|import separators|separators import")
    asking = [path for path in (ROOT / "tests").rglob("test_*.py") if asks.search(path.read_text("utf-8"))]
    assert len(asking) >= 6
    assert [path.name for path in asking if "pytest.mark.extra" not in path.read_text("utf-8")] == []


@pytest.mark.extra
def test_every_extra_is_installed():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for extra, requirements in extras.items():
        for wanted in map(Requirement, requirements):
            if wanted.name == "thawline" or (wanted.marker and not wanted.marker.evaluate()):
                continue
            try:
                assert wanted.specifier.contains(version(wanted.name)), wanted
            except PackageNotFoundError:
                require(extra, wanted.name)
