"""What is wrong with an entry is listed with its place, and the rest goes on."""

import json

import numpy as np
import pytest

from thawline.tasks.library.entries import skipped as noted
from thawline.tasks.library.entries.fields import MOST_TAGS
from thawline.tasks.library.entries.reading import read_entries
from thawline.tasks.library.entries.settings import EntrySettings
from thawline.tasks.library.entries.skipped import Skipped
from thawline.tasks.library.entries.times import parse_time

GOOD = {
    "id": "good",
    "image_path": "good.jpg",
    "description": "A dog",
    "meta_tags": ["dog"],
    "face_encodings": [[0.6, 0.8]],
}
NAN, INFINITY = float("nan"), float("inf")

# An entry that can't be used at all, and what is said of it.
WHOLE = {
    "null": (None, "nothing, not an object"),
    "a number": (7, "a number, not an object"),
    "a list": ([1, 2], "a list, not an object"),
    "a text": ("dog", "text, not an object"),
    "no id": ({"image_path": "a"}, "no id"),
    "an empty id": ({"id": "  ", "image_path": "a"}, "no id"),
    "an id of true": ({"id": True, "image_path": "a"}, "an id that is true or false"),
    "an id of NaN": ({"id": NAN, "image_path": "a"}, "an id that is NaN"),
    "an id that is a list": ({"id": [1], "image_path": "a"}, "an id that is a list"),
    "a long id": ({"id": "x" * 10_000, "image_path": "a"}, "an id of more than 200 characters"),
    "an id that turns": ({"id": "a\u202eb", "image_path": "a"}, "an id with characters that turn"),
    "an id twice": ({"id": "good", "image_path": "a"}, "its id is that of an entry before it"),
    "no path": ({"id": 1}, "no image_path"),
    "a path of numbers": ({"id": 1, "image_path": 5}, "an image_path that is a number"),
    "a path out of the folder": ({"id": 1, "image_path": "../../x"}, "leads out of the folder"),
    "a path with NUL": ({"id": 1, "image_path": "a\0.jpg"}, "an image_path with control characters"),
    "a long path": ({"id": 1, "image_path": "a/" * 5000}, "an image_path of more than 4,096 characters"),
    "a URL": ({"id": 1, "image_path": "https://example.org/a.jpg"}, "a URL for a path"),
}

# What stands in one field of an entry, what is left of it, and what is said of it.
FIELDS = {
    "a description of numbers": ("description", 5, "", "a number, not text"),
    "a description of NaN": ("description", NAN, "", "NaN, not text"),
    "a description in a list": ("description", ["a"], "", "a list, not text"),
    "a description of 10 MB": ("description", "a dog " * 1_700_000, "", "more than 20,000 characters"),
    "a description that turns": ("description", "a \u202edog\u202c", "a dog", "that turn the direction of a text"),
    "a description with controls": ("description", "a \x1b[31mdog\0", "a [31mdog", "control characters, left out"),
    "half a letter": ("detailed_description", "a \ud83d dog", "", "characters that are broken"),
    "tags that are an object": ("meta_tags", {"dog": 1}, (), "an object, not a list of texts"),
    "tags that are a number": ("meta_tags", 3, (), "a number, not a list of texts"),
    "tags in broken JSON": ("meta_tags", '["dog"', (), "text that is no list in JSON"),
    "a tag that is a number": ("meta_tags", ["a", 3], ("a",), "a tag that is a number"),
    "a tag that is null": ("meta_tags", [None, "a"], ("a",), "a tag that is nothing"),
    "an empty tag": ("meta_tags", ["a", " "], ("a",), "a tag without a letter"),
    "HTML in a tag": ("meta_tags", ["<script>alert(1)</script>", "a <3"], ("a <3",), "a tag with markup"),
    "an image in a tag": ("meta_tags", ["x<img src=x onerror=y>", "a"], ("a",), "a tag with markup"),
    "a tag that turns": ("meta_tags", ["a", "b\u2066c"], ("a",), "a tag with characters that turn"),
    "a tag of a page": ("meta_tags", ["x" * 5000, "a"], ("a",), "a tag of more than 100 characters"),
    "faces that are a text": ("face_encodings", "none", None, "text that is no list in JSON"),
    "one face not in a list": ("face_encodings", [0.6, 0.8], None, "a list of numbers; write"),
    "a face of NaN": ("face_encodings", [[NAN, 0.5], [1, 0]], [[1, 0]], "holds NaN or infinity"),
    "a face without end": ("face_encodings", [[INFINITY, 0.5]], None, "holds NaN or infinity"),
    "a face too large": ("face_encodings", [[1e300, 0.5], [10**400, 1]], None, "holds NaN or infinity"),
    "a face of another length": ("face_encodings", [[1, 0, 0], [0, 1]], [[0, 1]], "another length than 2"),
    "an empty face": ("face_encodings", [[], [0, 1]], [[0, 1]], "an encoding without numbers"),
    "a face of zeros": ("face_encodings", [[0, 0]], None, "an encoding of zeros"),
    "a face of texts": ("face_encodings", [["0.5", "0.5"]], None, "an encoding that holds text"),
    "a face of nulls": ("face_encodings", [[None, 1]], None, "an encoding that holds nothing"),
    "a face of truths": ("face_encodings", [[True, 0.5]], None, "an encoding that holds true or false"),
    "a time of words": ("created_at", "last summer", None, "no time that can be read"),
    "a time of nonsense": ("created_at", "2024-13-45", None, "no time that can be read"),
    "a time without end": ("created_at", 1e300, None, "no time that can be read"),
}


def read(tmp_path, entries):
    (tmp_path / "library.json").write_text(json.dumps(entries), encoding="utf-8")
    skipped = Skipped()
    return list(read_entries(tmp_path / "library.json", EntrySettings(), skipped)), skipped


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """All of them in one library, between good ones: what was read, by id, and what was noted."""
    entries = [GOOD]
    for bad, _ in WHOLE.values():
        entries.append({**bad, "note": 1} if isinstance(bad, dict) else bad)
    entries += [{"id": name, "image_path": "a.jpg", field: bad} for name, (field, bad, _, _) in FIELDS.items()]
    entries.append({**GOOD, "id": "last"})
    entries, skipped = read(tmp_path_factory.mktemp("mixed"), entries)
    return {entry.id: entry for entry in entries}, skipped


def test_no_bad_entry_stops_the_others(mixed):
    entries, skipped = mixed
    assert list(entries) == ["good", *FIELDS, "last"]
    assert (skipped.read, skipped.used) == (2 + len(WHOLE) + len(FIELDS), 2 + len(FIELDS))
    assert skipped.entries == len(WHOLE)
    assert sum(row["count"] for row in skipped.summary()) == len(skipped.listed) == skipped.entries + skipped.fields


def test_each_entry_that_cannot_be_used_is_listed(mixed):
    whole = [skip for skip in mixed[1].listed if not skip.field]
    for number, (skip, (name, (_, reason))) in enumerate(zip(whole, WHOLE.items(), strict=True), start=2):
        assert reason in skip.reason, name
        assert skip.place.split(" (")[0] == f"entry {number}"


def test_each_field_that_cannot_be_used_is_listed_and_the_rest_of_it_is_read(mixed):
    entries, skipped = mixed
    for name, (field, _, left, reason) in FIELDS.items():
        mine = [skip for skip in skipped.listed if skip.place.endswith(f"(id {name})")]
        assert {skip.field for skip in mine} == {field}, name
        assert all(reason in skip.reason for skip in mine), (name, mine)
        entry = entries[name]
        there = {
            "description": entry.description,
            "detailed_description": entry.detailed_description,
            "meta_tags": entry.tags,
            "face_encodings": entry.faces.tolist() or None,
            "created_at": entry.created_at,
        }
        assert there[field] == left, name


def test_what_is_listed_can_be_shown(mixed):
    for skip in mixed[1].listed:
        assert len(skip.found) < 400
        assert skip.sentence.isprintable()
        skip.sentence.encode()


def test_the_width_of_encodings_is_that_of_most(tmp_path):
    rows = [{"id": n, "image_path": "a", "face_encodings": [[1.0] * (5 if n == 0 else 4)]} for n in range(9)]
    entries, skipped = read(tmp_path, rows)
    assert [entry.faces.shape for entry in entries] == [(0, 0)] + [(1, 4)] * 8
    assert [skip.reason for skip in skipped.listed] == ["an encoding of another length than 4"]


def test_encodings_are_as_they_were_given(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32)
    (entry,), _ = read(tmp_path, [{"id": 1, "image_path": "a", "face_encodings": values.tolist()}])
    assert np.array_equal(entry.faces, values)


def test_tags_are_composed_and_none_comes_twice(tmp_path):
    rows = [
        {"id": 1, "image_path": "a", "meta_tags": ["Cafe\u0301", "caf\u00e9", " dog ", "Dog", "red  car"]},
        {"id": 2, "image_path": "a", "meta_tags": "dog, red car; beach|"},
        {"id": 3.0, "image_path": "a", "meta_tags": '["a, b", "c"]'},
        {"id": 4, "image_path": "a", "meta_tags": [f"t{n}" for n in range(MOST_TAGS + 5)]},
        {"id": 5, "image_path": "a", "meta_tags": ""},
    ]
    entries, skipped = read(tmp_path, rows)
    assert [entry.tags for entry in entries[:3]] == [
        ("Caf\u00e9", "dog", "red car"),
        ("dog", "red car", "beach"),
        ("a, b", "c"),
    ]
    assert [entry.id for entry in entries] == ["1", "2", "3", "4", "5"]
    assert len(entries[3].tags) == MOST_TAGS
    assert [skip.place for skip in skipped.listed] == ["entry 4 (id 4)"]


def test_what_is_wrong_is_counted_whole_and_listed_up_to_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(noted, "LISTED", 3)
    _, skipped = read(tmp_path, [GOOD, *range(10)])
    assert len(skipped.listed) == 3
    assert skipped.summary() == [{"field": "", "reason": "a number, not an object with its fields", "count": 10}]


def test_times_are_read_as_they_are_written():
    assert parse_time("2024-02-03").isoformat() == "2024-02-03T00:00:00+00:00"
    assert parse_time("2024:02:03 04:05:06").isoformat() == "2024-02-03T04:05:06+00:00"
    assert parse_time("2024-02-03T04:05:06+02:00").isoformat() == "2024-02-03T02:05:06+00:00"
    assert parse_time(1_700_000_000) == parse_time(1_700_000_000_000)
    assert [parse_time(value) for value in (True, -1, 0, [], "", NAN)] == [None] * 6
