"""Modules that are imported while features are computed."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thawline.data.listing import Listed
from thawline.features.later import importing_meanwhile
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import Wanted


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported, and which are forgotten at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_all_are_there_at_the_end_and_came_by_another_thread(folder: Path) -> None:
    noting = "import sys, threading\nby, turn = threading.current_thread(), sys.getswitchinterval()\n"
    (folder / "later_a.py").write_text(noting)
    (folder / "later_b.py").write_text("import later_a\n")
    usual = sys.getswitchinterval()
    with importing_meanwhile(["later_b"]):
        pass
    assert sys.modules["later_a"].by is not threading.main_thread()
    assert sys.modules["later_a"].turn <= usual / 10  # who computes beside it is not kept waiting
    assert sys.getswitchinterval() == usual
    assert "later_b" in sys.modules


def test_what_is_wrong_with_a_module_meets_whoever_needs_it(folder: Path) -> None:
    (folder / "later_bad.py").write_text("raise RuntimeError('broken')\n")
    with importing_meanwhile(["later_bad"]):
        pass
    with pytest.raises(RuntimeError, match="broken"):
        __import__("later_bad")


def test_an_error_within_is_not_kept_waiting_for_all(folder: Path) -> None:
    (folder / "later_first.py").write_text("import time\ntime.sleep(0.3)\n")
    (folder / "later_second.py").write_text("")
    with pytest.raises(KeyboardInterrupt), importing_meanwhile(["later_first", "later_second"]):
        raise KeyboardInterrupt
    assert "later_second" not in sys.modules


def test_a_survey_imports_only_while_it_computes(
    folder: Path, store: FeatureStore, wanted: Wanted, make_photos: Callable[..., list[Listed]]
) -> None:
    (folder / "later_c.py").write_text("")
    photos = make_photos(2)
    assert survey(photos, store, wanted, later=["later_c"]).computed == 2
    assert "later_c" in sys.modules
    del sys.modules["later_c"]
    assert survey(photos, store, wanted, later=["later_c"]).computed == 0
    assert "later_c" not in sys.modules
