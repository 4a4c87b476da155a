import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thawline.data.alike import alike_warnings, find_alike, join_photos, join_tracks
from thawline.data.listing import Listed, Listing
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.listing import list_tracks
from thawline.errors import UserError

SPELLED = st.text(st.sampled_from("abé- _.BÉ"), min_size=1, max_size=6)


def photos(*labels: str) -> Listing:
    listed = [Listed(Path(f"/p/{i}.jpg"), f"{i}.jpg", label, "", None) for i, label in enumerate(labels)]
    return Listing(Path("/p"), tuple(sorted(set(labels))), tuple(listed), ())


def labels_of(listing: Listing) -> list[str]:
    return [photo.label for photo in listing.photos]


def test_what_looks_alike_is_found_and_nothing_else() -> None:
    names = ["Hip-Hop", "hip hop", "HIP-HOP", "Beach", "beach", "rock", "rock'n'roll", "C", "C#", "r&b", "rb", "-"]
    assert find_alike(names) == [("Beach", "beach"), ("HIP-HOP", "Hip-Hop", "hip hop")]
    assert list(alike_warnings(names)) == [
        "'Beach' and 'beach' look alike; data.join_alike=true makes them one class.",
        "'HIP-HOP', 'Hip-Hop' and 'hip hop' look alike; data.join_alike=true makes them one class.",
    ]


def test_the_most_frequent_name_counts() -> None:
    joined = join_photos(photos("Hip-Hop", "hip hop", "hip hop", "rock", "HIP-HOP"))
    assert labels_of(joined) == ["hip hop", "hip hop", "hip hop", "rock", "hip hop"]
    assert joined.classes == ("hip hop", "rock")
    assert labels_of(join_photos(photos("b", "B", "a"))) == ["B", "B", "a"]


def test_any_spelling_chooses_a_class() -> None:
    listing = photos("Hip-Hop", "hip hop", "hip hop", "rock", "pop")
    assert labels_of(join_photos(listing, ["HIP HOP", "rock"])) == ["hip hop", "hip hop", "hip hop", "rock"]
    with pytest.raises(UserError, match="no class 'rick' in /p; did you mean 'rock'"):
        join_photos(listing, ["rick"])


@settings(max_examples=100, derandomize=True, deadline=None)
@given(labels=st.lists(SPELLED, min_size=1, max_size=12))
def test_what_was_joined_has_nothing_alike(labels) -> None:
    labels = [unicodedata.normalize("NFC", label) for label in labels]
    joined = join_photos(photos(*labels))
    assert find_alike(joined.classes) == []
    assert set(joined.classes) <= set(labels)
    assert join_photos(joined) == joined


def test_labels_of_a_table_are_joined_too(tmp_path) -> None:
    rows = ["audio_path,label", "1.wav,Hip-Hop|Jazz", "2.wav,hip hop", "3.wav,hip hop|HIP-HOP", "4.wav,jazz"]
    (tmp_path / "tracks.csv").write_text("\n".join(rows))
    for name in "1234":
        (tmp_path / f"{name}.wav").write_bytes(b"x")
    listing = list_tracks(tmp_path / "tracks.csv")
    assert [track.labels for track in join_tracks(listing).tracks] == [
        ("hip hop", "Jazz"),
        ("hip hop",),
        ("hip hop",),
        ("Jazz",),
    ]
    assert [track.name for track in join_tracks(listing, ["JAZZ"]).tracks] == ["4.wav"]
    plain = ListedTrack(Path("/m/a.wav"), "a.wav", "Pop", ("Pop",))
    assert join_tracks(TrackListing(Path("/m"), ("Pop",), (plain,), ())).tracks == (plain,)
