import hashlib
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from thawline.data.listing import LeftOut
from thawline.data.tracks.collection import TrackCollection, build_tracks
from thawline.data.tracks.listed import ListedTrack, TrackListing
from thawline.data.tracks.report import print_track_report, track_report
from thawline.data.tracks.track import TrackFacts
from thawline.errors import UserError


def make(names: dict[str, str | None], left_out=(), problem: dict[str, str] | None = None, **known) -> TrackCollection:
    """A collection from names and, where given, digests."""
    tracks, facts = [], {}
    for name, digest in sorted(names.items()):
        *above, label, _ = name.split("/")
        tracks.append(ListedTrack(Path("/m") / name, name, label, (label,), side=above[0] if above else None, **known))
        digest = digest or hashlib.sha256(name.encode()).hexdigest()
        why = (problem or {}).get(name)
        facts[name] = TrackFacts(digest, problem=why) if why else TrackFacts(digest, 30.0, 22050, 1)
    return build_tracks(TrackListing(Path("/m"), (), tuple(tracks), tuple(left_out)), facts)


def many(**counts: int) -> dict[str, str | None]:
    return {f"{label}/{i:03}.wav": None for label, count in counts.items() for i in range(count)}


def shown(report) -> str:
    buffer = io.StringIO()
    print_track_report(report, Console(file=buffer, width=120))
    return buffer.getvalue()


def test_everything_is_in_the_report() -> None:
    names = many(a=40, b=35) | {"a/000.wav": "same", "b/000.wav": "same"}
    collection = make(names, [LeftOut("b/x.mid", "not supported (MIDI)")], {"a/001.wav": "empty file"})
    assert collection.labels.tolist() == [0] * 39 + [1] * 35
    report = track_report(collection, bytes_per_track=1000, took=3)
    warnings = report.pop("warnings")
    assert json.loads(json.dumps(report)) == {
        "root": "/m",
        "tracks": 74,
        "classes": {
            "a": {"tracks": 39, "groups": 39, "minutes": 19.5},
            "b": {"tracks": 35, "groups": 35, "minutes": 17.5},
        },
        "seconds": {"shortest": 30.0, "median": 30.0, "longest": 30.0},
        "rates": {"22050": 74},
        "known_artists": 0,
        "groups": {
            "count": 73,
            "largest": 2,
            "sets_by_reason": {
                "exact duplicate": 1, "near-duplicate": 0, "artist": 0, "album": 0, "segments of one track": 0,
            },
        },
        "exact_duplicates": [["a/000.wav", "b/000.wav"]],
        "near_duplicates": [],
        "near_duplicate_kinds": [],
        "two_labels": [{"tracks": ["a/000.wav", "b/000.wav"], "kind": "same file"}],
        "left_out": [
            {"name": "a/001.wav", "reason": "empty file"},
            {"name": "b/x.mid", "reason": "not supported (MIDI)"},
        ],
        "store_bytes": 73000,
        "took": 3,
    }  # fmt: skip
    assert [warning.split(";")[0].split(",")[0] for warning in warnings] == [
        "No artists are known",
        "Some tracks stand under two labels",
    ]
    text = shown({**report, "warnings": warnings})
    for line in (
        "74 tracks in /m",
        "73 groups, the largest of 2 tracks; joined: 1 by exact duplicate",
        "30.0 to 30.0 s long, half of them up to 30.0 s; 74 at 22050 Hz",
        "a/000.wav and b/000.wav (same file)",
        "b/x.mid: not supported (MIDI)",
        "! No artists are known",
    ):
        assert line in text


def test_warnings() -> None:
    report = track_report(make(many(a=150, b=29, c=4), artist=""))
    assert [warning.split(":")[0].split(",")[0] for warning in report["warnings"]] == [
        "Fewer than 30 tracks",
        "The classes are imbalanced",
        "Fewer than 5 groups",
        "No artists are known",
    ]


def test_a_given_split_that_cuts_a_group_is_warned_of() -> None:
    names = {f"{side}/{name}": None for side in ("test", "train") for name in many(a=30, b=30)}
    report = track_report(make(names | {"test/a/003.wav": "same", "train/a/004.wav": "same"}))
    assert report["sides"] == {"test": 60, "train": 60}
    assert report["warnings"][-1] == (
        "The split cuts 1 group of tracks that belong together (same or similar recording, artist, or album): "
        "test/a/003.wav (test) and train/a/004.wav (train); move each group to one side or delete its copies; "
        "`thawline data check` lists the near-duplicates."
    )


def test_too_little_is_left() -> None:
    with pytest.raises(UserError, match=r"none of the 1 tracks in /m can be used; a/1.wav: empty file"):
        make({"a/1.wav": None}, problem={"a/1.wav": "empty file"})
    with pytest.raises(UserError, match=r"one class only, 'a' \(b/1.wav: empty file\); at least two are needed"):
        make({"a/1.wav": None, "b/1.wav": None}, problem={"b/1.wav": "empty file"})


def test_several_labels() -> None:
    tracks = tuple(
        ListedTrack(Path(f"/m/{i}.wav"), f"{i}.wav", labels[0], labels)
        for i, labels in enumerate([("folk", "rock"), ("rock",), ("rock", "indie")])
    )
    facts = {track.name: TrackFacts(track.name, 30.0, 22050, 1) for track in tracks}
    collection = build_tracks(TrackListing(Path("/m"), ("folk", "rock"), tracks, ()), facts)
    assert (collection.classes, collection.labels.tolist()) == (("folk", "rock"), [0, 1, 1])
    names, marked = collection.marked()
    assert names == ("folk", "indie", "rock")
    assert marked.tolist() == [[True, False, True], [False, False, True], [False, True, True]]
