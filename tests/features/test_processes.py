"""Several processes and killed processes, on one store."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thawline.data.listing import Listed

PHOTOS = 64


ASKED = [  # those that fork come first: no thread runs yet
    {"scenario": "together", "processes": 4, "seconds": 0.02},
    {"scenario": "kills", "kills": 15, "seed": 0, "longest": 0.25, "seconds": 0.02, "all": PHOTOS},
    {"scenario": "limited", "limit": 100_000},
    {"scenario": "one"},
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, write_photos: Callable[..., list[Listed]]) -> dict[str, Any]:
    """What the scenarios of crowd.py gave, each on a store of its own."""
    root = tmp_path_factory.mktemp("crowd")
    write_photos(root / "photos", PHOTOS)
    asked = []
    for one in ASKED:
        folder = root / one["scenario"]
        folder.mkdir()
        asked.append(one | {"photos": str(root / "photos"), "store": str(folder / "store")})
    script = Path(__file__).with_name("crowd.py")
    done = subprocess.run([sys.executable, script, json.dumps(asked)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {one["scenario"]: result for one, result in zip(ASKED, json.loads(done.stdout), strict=True)}


def test_four_processes_compute_each_feature_once_and_the_same_bits_as_one(found: dict[str, Any]) -> None:
    one, four = found["one"], found["together"]
    assert one["computed"] == PHOTOS
    assert sorted(process["computed"] for process in four) == [0, 0, 0, PHOTOS]
    assert all(process["computed"] + process["read"] == PHOTOS for process in four)
    assert {process["bits"] for process in four} == {one["bits"]}


def test_nothing_finished_is_lost_or_computed_again_after_kills(found: dict[str, Any]) -> None:
    killed = found["kills"]
    assert killed["wrong"] == []
    assert killed["again"] == 0
    assert killed["finished"] < 15
    assert any(0 < held < PHOTOS for held in killed["held_after"]), "no kill fell into a pass"
    assert killed["last"]["computed"] + killed["last"]["read"] == PHOTOS
    assert killed["last"]["bits"] == found["one"]["bits"]


def test_a_write_cut_short_leaves_the_store_unharmed(found: dict[str, Any]) -> None:
    """A limit on the size of files breaks off a write in its middle, as a full disk does, and needs no privileges."""
    limited = found["limited"]
    assert "cannot be used: File too large" in limited["said"]
    assert limited["wrong"] == []
    assert limited["held"] == 16
    assert limited["after"] == found["one"] | {"computed": PHOTOS - 16, "read": 16}
