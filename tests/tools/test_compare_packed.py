"""What is fitted together is what each fit gives alone, for every kind of head. The tool itself is the long form."""

from dataclasses import replace

import pytest
from tools.compare_packed import Compared, compare

from thawline.samples.events import make_events
from thawline.samples.pairs import make_pairs


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    directory = tmp_path_factory.mktemp("photos")
    make_events(directory, photos_per_class=14, seed=0)
    return directory


@pytest.mark.parametrize("kind", ["mlp", "projection"])
def test_heads_on_photos(kind, photos, tmp_path):
    found = compare(kind, photos, tmp_path, trials=2, folds=2, fitted=1, epochs=2)
    assert found.is_equal
    assert (found.fits, found.diverged) == (2, 0)
    assert found.together < found.alone


def test_heads_on_pairs(tmp_path):
    file = make_pairs(tmp_path / "pairs", pictures=24, seed=0).file
    assert compare("pairs", file, tmp_path, trials=2, folds=2, fitted=1, epochs=2).is_equal


def test_what_differs_is_not_equal():
    found = Compared(2, 0, 1e-6, 1, (), 1.0, 2.0)
    assert found.is_equal
    assert not replace(found, difference=1e-4).is_equal
    assert not replace(found, others=("0/fold0: epoch 3 together, 4 alone",)).is_equal
