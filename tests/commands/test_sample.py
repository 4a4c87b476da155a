"""`thawline sample`: the collection that is named, with the settings that are given."""

import csv

from tests.e2e.conftest import thawline  # noqa: F401  # a fixture


def test_a_sample_of_music_is_made_as_asked(thawline):  # noqa: F811
    said = thawline("sample", "genre", "My songs", "artists=2", "tracks_per_artist=1", "seconds=1", "seed=3")
    assert "12 tracks of 1 s by 12 artists in 6 genres" in said
    assert "next   thawline data check 'My songs/tracks.csv' task=genre\n" in said
    assert "task=genre" in said
    with (thawline.directory / "My songs" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["audio_path", "label", "artist", "album"]
    assert all((thawline.directory / "My songs" / row["audio_path"]).exists() for row in rows)


def test_a_sample_of_photos_says_what_it_holds_and_what_is_next(thawline, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "80")
    said = thawline("sample", "events", "S", "photos_per_class=4")
    assert said == (
        f"24 photos of 6 classes in {thawline.directory / 'S'}\n"
        "classes: beach_day, birthday, campfire_night, football_match, wedding,\n"
        "winter_holiday\n"
        "as in real collections there are 6 bursts, 0 folders of one shoot, 0 copies, and\n"
        "5 files that can't be used\n"
        "next   thawline data check S\n"
        "       thawline train S encoder=tiny_clip\n"
    )
    assert "/S (there already)\n" in thawline("sample", "events", "S", "photos_per_class=4")


def test_what_cannot_be_made_is_refused(thawline):  # noqa: F811
    assert "there are: events, pairs, genre" in thawline.refused("sample", "films", "Films")
    assert "2 to 40 artists a genre, not 1" in thawline.refused("sample", "genre", "Songs", "artists=1")
