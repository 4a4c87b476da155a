import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from thawline.data.tracks.groups import SEGMENTS, album_digest, artist_digest, group_tracks
from thawline.data.tracks.listed import ListedTrack
from thawline.data.tracks.track import TrackFacts


def track(name: str, seconds: float = 30, digest: str | None = None, marks: range | None = None, labels=(), **known):
    labels = tuple(labels) or (name.split("/")[0],)
    listed = ListedTrack(Path("/music") / name, name, labels[0], labels, **known)
    fingerprint = None if marks is None else np.array(marks, ">u4").tobytes().hex()
    return listed, TrackFacts(digest or hashlib.sha256(name.encode()).hexdigest(), seconds, 44100, 2, fingerprint)


def group(*tracks):
    return group_tracks([listed for listed, _ in tracks], [facts for _, facts in tracks])


def test_tracks_alone() -> None:
    found = group(track("a/1.wav", marks=range(40)), track("a/2.wav", marks=range(40, 80)), track("b/1.wav"))
    assert found.ids.tolist() == [0, 1, 2]
    assert (found.exact_duplicates, found.near_duplicates, found.two_labels) == ([], [], [])
    assert set(found.reasons) == {"exact duplicate", "near-duplicate", "artist", "album", SEGMENTS}
    assert not any(found.reasons.values())


def test_copies() -> None:
    found = group(
        track("a/1.wav", digest="x", marks=range(40)),
        track("a/2.wav"),
        track("b/1.wav", digest="x", marks=range(40)),
        track("b/2.mp3", marks=range(10, 50)),
        track("b/3.mp3", marks=range(100, 140)),
    )
    assert found.ids.tolist() == [0, 1, 0, 0, 2]
    assert found.exact_duplicates == [(0, 2)]
    assert found.near_duplicates == [(0, 3)]
    assert found.two_labels == [(0, 2), (0, 3)]
    assert (found.reasons["exact duplicate"], found.reasons["near-duplicate"]) == (1, 1)


def test_the_same_labels_in_another_order_are_the_same() -> None:
    found = group(track("a/1.wav", digest="x", labels=("a", "b")), track("b/1.wav", digest="x", labels=("b", "a")))
    assert found.two_labels == []


def test_artists() -> None:
    found = group(
        track("a/1.wav", artist="Nina Simone"),
        track("b/1.wav", artist=" nina  simone "),
        track("b/2.wav", artist="Unknown"),
        track("b/3.wav", artist="unknown"),
        track("b/4.wav", artist="Various Artists"),
        track("b/5.wav", artist="various artists"),
        track("b/6.wav"),
        track("b/7.wav", artist="Beyonc\u00e9"),
        track("b/8.wav", artist="Beyonce\u0301"),
    )
    assert found.ids.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 6]
    assert found.reasons["artist"] == 2


def test_albums_are_known_by_artist_and_name() -> None:
    found = group(
        track("a/1.wav", artist="A", album="Greatest Hits"),
        track("a/2.wav", artist="B", album="Greatest Hits"),
        track("a/3.wav", artist="Various Artists", album="Now 7"),
        track("a/4.wav", album="NOW 7"),
        track("a/5.wav", album="unknown"),
        track("a/6.wav", album="unknown"),
    )
    assert found.ids.tolist() == [0, 1, 2, 2, 3, 4]
    assert found.reasons["album"] == 1


def test_segments_of_one_track_stay_together() -> None:
    names = [f"blues/blues.{song:05}.{part}.wav" for song in range(3) for part in range(10)]
    found = group(*(track(name, 3.0) for name in names), track("rock/whole.wav"))
    assert found.ids.tolist() == [0] * 10 + [1] * 10 + [2] * 10 + [3]
    assert found.reasons[SEGMENTS] == 3
    names = [f"a/{song}_{part}.mp3" for song in ("one", "two") for part in (1, 2, 3)]
    lengths = [10, 10, 4, 10, 10, 9.99]
    assert group(*(track(name, s) for name, s in zip(names, lengths, strict=True))).ids.tolist() == [0, 0, 0, 1, 1, 1]


def test_segments_of_tracks_in_several_classes() -> None:
    """One cut track in each class, and one whose segments differ in their labels."""
    names = [f"{song}_{part}.wav" for song in ("rock/one", "jazz/two") for part in range(3)]
    assert group(*(track(name, 3.0) for name in names)).ids.tolist() == [0, 0, 0, 1, 1, 1]
    moods = [track(f"all/{song}_{part}.wav", 3.0, labels=(str(part),)) for song in ("x", "y") for part in range(2)]
    assert group(*moods).ids.tolist() == [0, 0, 1, 1]


def test_segments_of_which_silent_ones_were_left_out() -> None:
    whole = [track(f"blues/{song}_{part}.wav", 3.0) for song in ("a", "b") for part in range(4)]
    gap = [track(f"rock/c_{part}.wav", 3.0) for part in (2, 3, 5)]
    here = [track(f"blues/d-part{part}.wav", 3.0) for part in (0, 2)]
    assert group(*whole, *gap, *here).ids.tolist() == [0] * 4 + [1] * 4 + [2] * 3 + [3] * 2
    long = [track(f"rock/c_{part}.wav", 5.0) for part in (2, 3, 5)]
    there = [track(f"rock/d-part{part}.wav", 3.0) for part in (0, 2)]
    assert group(*whole, *long, *there).ids.tolist() == [0] * 4 + [1] * 4 + [2, 3, 4, 5, 6]


def test_numbered_tracks_are_not_segments() -> None:
    gtzan = [track(f"{label}/{label}.{i:05}.wav", 30.0) for label in ("blues", "rock") for i in range(12)]
    short = [track(f"blues/blues_{i}.wav", 30.0) for i in range(12)]  # one name in the class says nothing
    unlike = [track(f"hat/{name}_{i}.wav", 1 + i) for name in ("open", "closed") for i in range(4)]
    gaps = [track(f"esc/{name}_{i}.wav", 5.0) for name in ("x", "y") for i in (0, 3, 7)]
    late = [track(f"late/{name}_{i}.wav", 5.0) for name in ("x", "y") for i in (7, 8, 9)]
    named = [track(f"{label}/track_{i}.wav", 30.0) for label in ("blues", "rock") for i in range(12)]
    spelt = [
        track(f"{label}/{name}_{i}.wav", 30.0) for label, name in (("Hip-Hop", "hiphop"), ("R&B", "rb")) for i in (0, 1)
    ]
    for some in (gtzan, short, unlike, gaps, late, named, spelt):
        assert len(set(group(*some).ids.tolist())) == len(some)


def test_digests_in_the_place_of_names_group_as_the_names_do() -> None:
    names = [
        ("Nina  Hagen", "Hits"),
        ("NINA HAGEN", "Hits 2"),
        ("Various Artists", "Hits"),
        ("", "hits"),
        (None, None),
        ("unknown", "Untitled"),
        ("Nina Hagan", "Hits"),
    ]
    tracks = [track(f"a/{i}.wav", artist=artist, album=album) for i, (artist, album) in enumerate(names)]
    hidden = [
        (replace(listed, artist=artist_digest(listed.artist), album=album_digest(listed.album)), facts)
        for listed, facts in tracks
    ]
    assert group(*tracks).ids.tolist() == group(*hidden).ids.tolist() == [0, 0, 1, 1, 2, 3, 4]
    assert hidden[1][0].artist == hashlib.sha256(b"nina hagen").hexdigest()
    assert {artist_digest(name) for name in (None, "", " - ", "Various Artists", "unknown")} == {""}
