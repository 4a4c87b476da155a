"""`thawline sample`: the collection that is named, with the settings that are given."""

import csv

from tests.e2e.conftest import thawline  # noqa: F401  # a fixture


def test_a_sample_of_music_is_made_as_asked(thawline):  # noqa: F811
    said = thawline("sample", "genre", "My songs", "artists=2", "tracks_per_artist=1", "seconds=1", "seed=3")
    assert "12 tracks of 1 s by 12 artists in 6 genres" in said
    assert "task=genre" in said
    with (thawline.directory / "My songs" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["audio_path", "label", "artist", "album"]
    assert all((thawline.directory / "My songs" / row["audio_path"]).exists() for row in rows)


def test_what_cannot_be_made_is_refused(thawline):  # noqa: F811
    assert "there are: events, pairs, genre" in thawline.refused("sample", "films", "Films")
    assert "2 to 40 artists a genre, not 1" in thawline.refused("sample", "genre", "Songs", "artists=1")
