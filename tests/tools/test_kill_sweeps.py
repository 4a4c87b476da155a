"""A search that is killed goes on with the same points. The tool itself is the long form."""

import random

import pytest
from tools.kill_sweeps import WORDS, compare, kill_and_compare, sweep_of

from thawline.samples.events import make_events


@pytest.mark.long
def test_a_search_that_is_killed_comes_to_what_a_whole_one_does(tmp_path):
    make_events(tmp_path / "photos", photos_per_class=8, seed=0)
    words = [str(tmp_path / "photos"), "-m", *WORDS, "sweep.trials=3"]
    kill_and_compare(tmp_path / "whole", words, 0, 0, random.Random(0))
    kills, found = kill_and_compare(tmp_path / "killed", words, 3, 0.3, random.Random(0))
    assert kills > 0
    found += compare(sweep_of(tmp_path / "killed"), sweep_of(tmp_path / "whole"))
    assert found.total() == 0
