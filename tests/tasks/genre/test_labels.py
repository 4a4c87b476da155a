"""Which labels are told of tracks that can have several; the tracks are only listed here, none is read."""

from pathlib import Path

import numpy as np
import pytest

from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.track import TrackFacts
from thawline.errors import UserError
from thawline.tasks.genre.labels import mark


def listed(*labels, artists=None):
    """A track for each string of labels, each by an artist of its own where none are given."""
    names = [f"{i:02}.wav" for i in range(len(labels))]
    artists = artists or names
    sets = [tuple(each.split("|")) for each in labels]
    tracks = tuple(
        ListedTrack(Path("/music") / name, name, own[0], own, artist=artist)
        for name, own, artist in zip(names, sets, artists, strict=True)
    )
    listing = TrackListing(Path("/music"), tuple(sorted({track.label for track in tracks})), tracks, ())
    facts = {name: TrackFacts(f"{i:064x}", seconds=1.0, rate=8000, channels=1) for i, name in enumerate(names)}
    return listing, facts


def test_labels_on_enough_groups_are_told_and_tracks_without_any_are_left_out():
    listing, facts = listed(*["drums"] * 3, *["drums|piano"] * 3, *["flute|piano"] * 4, "flute", artists=None)
    found = mark(listing, facts)
    assert found.names == ("drums", "flute", "piano")
    assert found.rare == {}
    fewer = [*["drums"] * 3, *["drums|piano"] * 3, *["flute|piano"] * 3, "flute"]
    found = mark(*listed(*fewer))
    assert found.names == ("drums", "piano")
    assert found.rare == {"flute": 4}
    assert found.collection.names == tuple(f"{i:02}.wav" for i in range(9))
    assert found.true.tolist() == [[True, False]] * 3 + [[True, True]] * 3 + [[False, True]] * 3
    [left] = found.collection.left_out
    assert (left.name, left.reason) == ("09.wav", "none of its labels is told")


def test_groups_count_not_tracks():
    labels = [*["drums"] * 5, *["drums|piano"] * 5, *["drums|violin"] * 5]
    artists = [f"artist {i}" for i in range(10)] + ["one", "one", "two", "three", "four"]
    found = mark(*listed(*labels, artists=artists))
    assert found.names == ("drums", "piano")
    assert found.rare == {"violin": 4}


def test_the_report_counts_a_track_under_each_of_its_labels():
    found = mark(*listed(*["drums|piano"] * 5, "drums", "flute"))
    report = found.report()
    assert {name: one["tracks"] for name, one in report["classes"].items()} == {"drums": 6, "piano": 5}
    assert report["rare_labels"] == {"flute": 1}
    assert "Labels left out, since they are on fewer than 5 groups: 'flute' (1)." in report["warnings"]


def test_a_label_needs_as_many_groups_as_the_settings_say():
    found = mark(*listed(*["drums|piano"] * 7, "drums", *["flute"] * 6), min_groups=7)
    assert found.names == ("drums", "piano")
    assert found.rare == {"flute": 6}
    assert "Labels left out, since they are on fewer than 7 groups: 'flute' (6)." in found.report()["warnings"]


def test_a_track_is_dealt_out_by_the_first_of_its_labels_that_is_the_first_of_enough():
    # The violin is on six tracks and the first label of one, which would be alone in its stratum.
    labels = [*["drums|violin"] * 5, *["piano"] * 6, "violin|piano", "violin"]
    found = mark(*listed(*labels))
    assert found.names == ("drums", "piano", "violin")
    assert found.strata.tolist() == [0] * 5 + [1] * 6 + [1, 1]
    # For ten folds there must be ten groups; no label but the most usual first one is left.
    assert mark(*listed(*labels), folds=10).strata.tolist() == [1] * 13


def test_one_first_label_is_enough_where_others_follow():
    found = mark(*listed(*["drums|piano"] * 5, *["drums"] * 5))
    assert found.names == ("drums", "piano")
    assert np.unique(found.strata).tolist() == [0]


def test_the_labels_of_a_finished_run_keep_their_order_and_no_other_counts():
    found = mark(*listed("piano|drums", "flute", "drums|flute"), known=("piano", "drums", "harp"))
    assert found.names == ("piano", "drums", "harp")
    assert found.true.tolist() == [[True, True, False], [False, True, False]]
    assert found.rare == {}
    warned = found.report()["warnings"]
    assert "Labels left out, since the model does not know them: 'flute' (2)." in warned
    with pytest.raises(UserError, match=r"no track of /music has one of the run's labels \(harp, oboe\)"):
        mark(*listed("piano"), known=("harp", "oboe"))


def test_only_wanted_labels_are_told():
    labels = [*["drums|piano"] * 5, *["violin|drums"] * 5]
    assert mark(*listed(*labels), wanted=["piano", "drums"]).names == ("drums", "piano")
    with pytest.raises(UserError, match="no usable track with the label 'oboe'; it has drums, piano, violin"):
        mark(*listed(*labels), wanted=["oboe", "drums"])


def test_too_few_labels_are_refused_with_what_there_is():
    with pytest.raises(
        UserError, match="at least two labels on 5 groups of tracks each, and /music has: drums 6, piano 4"
    ):
        mark(*listed(*["drums|piano"] * 4, "drums", "drums"))
