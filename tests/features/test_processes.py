"""Several processes and killed processes, on one store."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thawline.data.listing import Listed

pytestmark = pytest.mark.long
PHOTOS = 64
PLACES = [[1, 0], [2, 0], [3, 0], [1, 1], [2, 1], [3, 1]]
SETS = [PLACES[:3], PLACES[::-1], [PLACES[2], PLACES[1], PLACES[4]], PLACES[3:]]
POINTS = [9, 20, 3, 4, 5]  # making the shelves takes the first 18 syncs

ASKED = [  # those that fork come first: no thread runs yet
    {"scenario": "together", "processes": 4, "seconds": 0.02},
    {"scenario": "kills", "kills": 15, "seed": 0, "longest": 0.25, "seconds": 0.02, "all": PHOTOS},
    {"scenario": "overlapping", "places": SETS, "seconds": 0.01},
    {"scenario": "kills of many", "places": PLACES, "points": POINTS},
    {"scenario": "limited", "limit": 1_600_000},
    {"scenario": "one"},
    {"scenario": "many", "places": PLACES},
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


def test_processes_that_want_overlapping_targets_compute_each_feature_once(found: dict[str, Any]) -> None:
    """And none waits for another forever, in whatever order they name their targets."""
    many, four = found["many"], found["overlapping"]
    assert [set(one) for one in four] == [{f"{cut} {view}" for cut, view in places} for places in SETS]
    for place, alone in many.items():
        assert alone["computed"] == PHOTOS
        told = [one[place] for one in four if place in one]
        assert sorted(one["computed"] for one in told)[::-1] == [PHOTOS] + [0] * (len(told) - 1)
        assert all(one["computed"] + one["read"] == PHOTOS for one in told)
        assert {one["bits"] for one in told} == {alone["bits"]}


def test_a_pass_over_several_shelves_goes_on_where_it_was_killed(found: dict[str, Any]) -> None:
    killed, many = found["kills of many"], found["many"]
    assert killed["wrong"] == []
    *_, held = killed["held"]
    assert killed["held"] == sorted(killed["held"])
    assert any(len(set(counts)) > 1 for counts in killed["held"]), "no kill fell between two shelves"
    assert 0 < sum(held) < PHOTOS * len(PLACES)
    for count, place in zip(held, killed["last"].values(), strict=True):
        assert (place["computed"], place["read"]) == (PHOTOS - count, count)
    assert [place["bits"] for place in killed["last"].values()] == [place["bits"] for place in many.values()]
