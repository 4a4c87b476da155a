"""What instruments say of the genre."""

import numpy as np
import pytest

from thawline.tasks.genre.tables.hints import added_scores, hint_table, hinted
from thawline.tasks.genre.tables.instruments import audioset_labels, instruments, labels_of


def test_the_table():
    assert hint_table() == {
        "violin": {"country": 0.3, "bluegrass": 0.4, "classical": 0.1},
        "synthesizer": {"electronic": 0.4, "hip-hop": 0.2, "pop": 0.1},
        "electric guitar": {"rock": 0.3, "metal": 0.3},
        "acoustic guitar": {"folk": 0.3, "country": 0.2, "indie": 0.2},
    }


@pytest.mark.parametrize("instrument", hint_table())
def test_every_key_reaches_a_real_audioset_label(instrument):
    assert instrument in instruments()
    assert set(labels_of(instrument)) & set(audioset_labels())


def test_a_planted_fiddle_moves_country_up_by_what_the_table_says():
    classes = ["classical", "country", "bluegrass", "rock"]
    without = {"Electric guitar": 0.5, "Music": 0.9}
    planted = without | {"Violin, fiddle": 0.8}
    moved = hinted(planted, classes) - hinted(without, classes)
    np.testing.assert_allclose(moved, 0.8 * np.array([0.1, 0.3, 0.4, 0]))


def test_where_there_is_no_bluegrass_it_is_country():
    np.testing.assert_allclose(hinted({"Violin, fiddle": 1.0}, ["country", "classical", "rock"]), [0.7, 0.1, 0])


def test_several_instruments_add_up_and_names_of_one_do_not():
    both = added_scores({"Violin, fiddle": 0.5, "Acoustic guitar": 1.0})
    assert both["country"] == pytest.approx(0.5 * 0.3 + 0.2)
    assert added_scores({"distorted guitar": 0.4, "Electric guitar": 0.6}) == pytest.approx(
        {"rock": 0.18, "metal": 0.18}
    )
