import hashlib
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from thawline.data.listing import LeftOut, Listed, Listing
from thawline.data.photos.collection import Collection, build_collection
from thawline.data.photos.photo import PhotoFacts
from thawline.data.photos.report import data_report, print_report


@pytest.fixture
def make():
    """Collections from names and, where given, digests."""

    def make(names: dict[str, str | None], left_out: tuple[LeftOut, ...] = ()) -> Collection:
        photos, facts = [], {}
        for name, digest in sorted(names.items()):
            *above, label, _ = name.split("/")
            path = Path("/photos") / name
            photos.append(Listed(path, name, label, "", above[0] if above else None))
            facts[name] = PhotoFacts(digest or hashlib.sha256(name.encode()).hexdigest(), "JPEG", 4, 3)
        classes = tuple(sorted({photo.label for photo in photos}))
        return build_collection(Listing(Path("/photos"), classes, tuple(photos), left_out), facts)

    return make


def many(**counts: int) -> dict[str, str | None]:
    return {f"{label}/{i:03}.jpg": None for label, count in counts.items() for i in range(count)}


def shown(report) -> str:
    buffer = io.StringIO()
    print_report(report, Console(file=buffer, width=100))
    return buffer.getvalue()


def test_everything_is_in_the_report(make) -> None:
    names = many(a=40, b=35) | {"a/000.jpg": "same", "a/001.jpg": "same", "b/000.jpg": "same"}
    report = data_report(make(names, (LeftOut("b/x.heic", "not supported (HEIC)"),)), bytes_per_photo=1000, seconds=3)
    assert json.loads(json.dumps(report)) == {
        "root": "/photos",
        "photos": 75,
        "classes": {"a": {"photos": 40, "groups": 39}, "b": {"photos": 35, "groups": 35}},
        "groups": {
            "count": 73,
            "largest": 3,
            "sets_by_reason": {"folder": 0, "exact duplicate": 1, "near-duplicate": 0, "burst": 0},
        },
        "exact_duplicates": [["a/000.jpg", "a/001.jpg"], ["a/000.jpg", "b/000.jpg"]],
        "near_duplicates": [],
        "near_duplicate_kinds": [],
        "two_labels": [{"photos": ["a/000.jpg", "b/000.jpg"], "kind": "same file"}],
        "left_out": [{"name": "b/x.heic", "reason": "not supported (HEIC)"}],
        "warnings": [
            "Some photos stand under two labels, or look the same as one with another label; keep one of each pair."
        ],
        "store_bytes": 73000,
        "seconds": 3,
    }


def test_warnings(make) -> None:
    report = data_report(make(many(a=150, b=29, c=4)))
    assert report["warnings"] == [
        "Fewer than 30 photos: 'b' (29), 'c' (4). Zero-shot is then likely better than training.",
        "The classes are imbalanced: 150 photos of 'a', 4 of 'c'. "
        "Judge by the F1 of each class rather than by accuracy.",
        "Fewer than 5 groups: 'c' (4). cv=5 needs as many of every class.",
    ]
    assert data_report(make(many(a=30, b=30)))["warnings"] == []


def test_a_given_split_that_cuts_a_group_is_warned_of(make) -> None:
    names = {f"{side}/{name}": digest for side in ("test", "train") for name, digest in many(a=30, b=30).items()}
    report = data_report(make(names))
    assert (report["sides"], report["warnings"]) == ({"test": 60, "train": 60}, [])
    report = data_report(make(names | {"test/a/003.jpg": "same", "train/a/004.jpg": "same"}))
    assert len(report["warnings"]) == 1
    assert "test/a/003.jpg (test) and train/a/004.jpg (train)" in report["warnings"][0]


def test_the_screen_shows_what_the_file_holds(make) -> None:
    names = many(a=40, b=35) | {"a/000.jpg": "same", "b/000.jpg": "same"}
    text = shown(data_report(make(names, (LeftOut("b/x.heic", "not supported (HEIC)"),)), bytes_per_photo=4096))
    for line in [
        "75 photos in /photos",
        "74 groups, the largest of 2 photos; joined: 1 by exact duplicate",
        "Predicted size of the feature store: 303.1 kB",
        "a/000.jpg and b/000.jpg (same file)",
        "b/x.heic: not supported (HEIC)",
        "! Some photos stand under two labels",
    ]:
        assert line in text


def test_long_lists_are_cut_on_screen_only(make) -> None:
    left = tuple(LeftOut(f"a/{i:03}.gif", "not supported (GIF)") for i in range(50))
    report = data_report(make(many(a=3, b=3), left))
    text = shown(report)
    assert len(report["left_out"]) == 50
    assert "Left out: 50" in text
    assert text.count(".gif") == 20
    assert "… and 30 more in data_report.json" in text


def test_names_are_shown_as_they_are(make) -> None:
    report = data_report(make({"[red]a/\x1b[31m1.jpg": None, "b/[bold]é\n.jpg": "x", "c/1.jpg": "x"}))
    text = shown(report)
    assert "[red]a" in text
    assert "b/[bold]é\\n.jpg = c/1.jpg" in text
    assert "\x1b" not in text
