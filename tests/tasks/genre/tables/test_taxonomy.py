"""Genres, their names, and what scores of some say of others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.tasks.genre.heads.rules import rule_table
from thawline.tasks.genre.tables.hints import hint_table
from thawline.tasks.genre.tables.instruments import audioset_labels
from thawline.tasks.genre.tables.reading import comparable, table
from thawline.tasks.genre.tables.taxonomy import canonical, children, genres, parents, project

GTZAN = ("blues", "classical", "country", "disco", "hip-hop", "jazz", "metal", "pop", "reggae", "rock")


def test_gtzans_ten_come_first_and_are_no_kind_of_another():
    assert genres()[:10] == GTZAN
    assert all(parents(name) == () for name in GTZAN)


@pytest.mark.parametrize(
    ("name", "genre"),
    [
        ("hiphop", "hip-hop"),
        ("Hip_Hop", "hip-hop"),
        ("HIP HOP", "hip-hop"),
        ("Rap", "hip-hop"),
        ("R&B", "r&b"),
        ("rnb", "r&b"),
        ("Rhythm and Blues", "r&b"),
        ("Drum & Bass", "drum and bass"),
        ("Heavy metal", "metal"),
        ("Bossa Nóva", "bossa nova"),
        ("polka", None),
        ("", None),
    ],
)
def test_a_genre_goes_by_many_names(name, genre):
    assert canonical(name) == genre


def test_no_name_stands_for_two_genres_and_no_genre_is_an_ancestor_of_its_own():
    entries = table("taxonomy.yaml")
    keys = [comparable(alias) for name, entry in entries.items() for alias in {name, *entry.get("aliases", ())}]
    assert len(keys) == len(set(keys))
    for name in genres():
        above = set(parents(name))
        while above:
            assert above <= set(genres())
            assert name not in above
            above = {parent for each in above for parent in parents(each)}
    assert set(children("electronic")) >= {"house", "techno", "ambient"}
    with pytest.raises(KeyError):
        parents("polka")


def test_the_other_tables_name_genres_of_the_taxonomy():
    named = {rule.genre for rule in rule_table()} | {genre for hints in hint_table().values() for genre in hints}
    assert named <= set(genres())


def test_audiosets_genres_are_known():
    labels = audioset_labels()
    known = {label for label in labels[labels.index("Pop music") : labels.index("Song")] if canonical(label)}
    assert len(known) == 42
    assert {"Country", "Bluegrass", "Hip hop music", "Rhythm and blues", "Independent music"} <= known


@pytest.mark.parametrize(
    ("scores", "classes", "said"),
    [
        ({"hip-hop": 0.5, "rock": 0.25}, ["Rock", "hiphop", "jazz"], [0.25, 0.5, 0]),
        ({"bluegrass": 0.4, "country": 0.3}, ["country", "classical"], [0.7, 0]),  # the nearest ancestor
        ({"bluegrass": 0.4, "country": 0.3}, ["country", "bluegrass"], [0.3, 0.4]),
        ({"funk": 0.4}, ["r&b", "rock"], [0.4, 0]),  # by way of soul
        ({"electronic": 0.4}, ["house", "techno", "rock"], [0.2, 0.2, 0]),  # its kinds, evenly
        ({"bossa nova": 0.4}, ["jazz", "latin"], [0.2, 0.2]),  # both of its parents
        ({"classical": 1.0}, ["rock"], [0]),
        ({"Polka": 0.5}, ["polka", "rock"], [0.5, 0]),  # unknown, and written alike
        ({}, ["rock"], [0]),
    ],
)
def test_scores_reach_the_nearest_classes(scores, classes, said):
    np.testing.assert_allclose(project(scores, classes), said)


@given(
    st.dictionaries(st.sampled_from(genres()), st.floats(0, 1), max_size=8),
    st.lists(st.sampled_from(genres()), min_size=1, max_size=8, unique=True),
)
def test_projecting_never_adds_and_keeps_what_is_a_class(scores, classes):
    said = project(scores, classes)
    assert said.sum() <= sum(scores.values()) + 1e-9
    for place, name in enumerate(classes):
        assert said[place] >= scores.get(name, 0) - 1e-12
