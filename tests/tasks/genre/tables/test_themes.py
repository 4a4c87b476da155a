"""The table of themes of lyrics, and what it adds to genres."""

import json

import numpy as np
import pytest

from thawline.tasks.genre.tables.reading import comparable
from thawline.tasks.genre.tables.taxonomy import canonical
from thawline.tasks.genre.tables.themes import Vocabulary, theme_shares, theme_table, vocabulary


@pytest.mark.parametrize("theme", theme_table())
def test_every_theme_adds_small_shares_to_genres_of_the_taxonomy(theme):
    added = theme_table()[theme]
    assert added
    assert all(canonical(genre) == genre for genre in added)
    assert all(0.05 <= share <= 0.25 for share in added.values())


def test_no_name_stands_for_two_themes():
    said = [comparable(each) for name, aliases in vocabulary().aliases.items() for each in (name, *aliases)]
    assert len(set(said)) == len(said)
    assert len(vocabulary().names) == len(theme_table()) == 31


def test_names_and_aliases_lead_to_themes_in_the_order_of_the_table():
    known = vocabulary()
    assert (known.names[0], known.names[-1]) == ("love", "alienation")
    assert [known.theme_of(name) for name in ("HEARTBREAK", "break up", "Rural-Life", "lurve")] == [
        "heartbreak",
        "heartbreak",
        "rural life",
        None,
    ]
    assert known.among(["whiskey", "lurve", "lost love", "Drinking"]) == ("heartbreak", "drinking")
    columns = known.columns(["whiskey", "lost love"])
    assert columns.dtype == np.float32
    assert np.flatnonzero(columns).tolist() == [known.names.index("heartbreak"), known.names.index("drinking")]
    assert columns.sum() == 2
    assert not known.columns([]).any()


def test_a_vocabulary_comes_back_from_json_and_keeps_the_order_of_some():
    some = vocabulary().only(["war", "love", "of another table"])
    assert some.names == ("war", "love", "of another table")
    assert some.columns(["romance", "of another table"]).tolist() == [0, 1, 1]
    assert Vocabulary.from_json(json.loads(json.dumps(some.to_json()))) == some


def test_shares_go_to_classes_by_the_taxonomy():
    themes = ["rural life", "of another table", "love"]
    np.testing.assert_allclose(
        theme_shares(themes, ["folk", "country", "rock", "R&B"]),
        [[0.1, 0.15 + 0.1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0.1 + 0.1]],  # bluegrass to country, soul to r&b
    )
    np.testing.assert_allclose(theme_shares(["rural life"], ["bluegrass", "country"]), [[0.1, 0.15]])
