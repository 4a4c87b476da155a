"""What a search saves that ends trials early, in small. The tool itself is the long form."""

from dataclasses import replace

import pytest
from tools.compare_pruning import NEVER, Compared, Searched, search

from thawline.samples.events import make_events

WORDS = ("encoder=tiny_clip", "trainer=cpu", "method=linear", "method.epochs=8", "method.patience=8")
SEARCHED = ("sweep=random", "sweep.trials=9", "method.lr=tag(log,interval(1e-6,1e-1))")


@pytest.mark.long
def test_trials_that_are_ended_early_have_fewer_epochs(tmp_path, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path / "store"))
    make_events(tmp_path / "photos", photos_per_class=8, seed=0)
    words = [str(tmp_path / "photos"), *WORDS, "-m", *SEARCHED]
    found = Compared(search(tmp_path / "median", words, "median"), search(tmp_path / "whole", words, NEVER))
    assert (found.whole.epochs, found.whole.pruned, found.whole.trials) == (72, 0, 9)
    assert found.pruned.pruned > 0
    assert 40 < found.pruned.epochs < 72  # five trials are never ended
    assert found.is_within


def test_a_winner_outside_the_interval_is_none_of_equal_worth():
    whole = Searched(100, 0, 10, 9.0, score=0.9, low=0.85, high=0.95)
    found = Compared(replace(whole, epochs=45, pruned=7, seconds=5.0, score=0.86), whole)
    assert found.saved == pytest.approx(0.55)
    assert found.is_within
    assert not replace(found, pruned=replace(whole, score=0.84)).is_within
    assert str(found) == (
        "7 of 10 trials ended early; 45 epochs, not 100 (55 % saved; 5 s, not 9); "
        "winner 86.0 %, not 90.0 (85.0 to 95.0)"
    )
