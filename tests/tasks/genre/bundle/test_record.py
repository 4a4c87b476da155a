"""The record of a track, against its schema and against what it must add up to."""

import copy
import json

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thawline.tasks.genre.bundle.record import (
    SCHEMA,
    MemberSaid,
    answers_of,
    one_by_one,
    read_schema,
    track_json,
    unusable_json,
)
from thawline.tasks.genre.tables.instruments import hear

GENRES = ("country", "metal", "reggae", "rock")
SCHEMA_OF_TRACKS = read_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA_OF_TRACKS)


def said(name, logits, **changes):
    logits = None if logits is None else np.array(logits, dtype=np.float32)
    spans = () if logits is None else tuple((2.0 * i, 2.0 * i + 2) for i in range(len(logits)))
    return MemberSaid(**{"name": name, "classes": GENRES, "logits": logits, "spans": spans, **changes})


def softmax(logits):
    powers = np.exp(np.array(logits, dtype=float))
    return powers / powers.sum()


def test_the_schema_is_one_and_names_its_version():
    jsonschema.Draft202012Validator.check_schema(SCHEMA_OF_TRACKS)
    assert SCHEMA_OF_TRACKS["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA_OF_TRACKS["properties"]["schema"] == {"const": SCHEMA}
    # Only a model that takes themes tells them, and only one of several labels tells tags.
    assert set(SCHEMA_OF_TRACKS["required"]) == set(SCHEMA_OF_TRACKS["properties"]) - {"tags", "themes"}


def test_the_score_of_a_track_is_the_softmax_of_its_windows_mean():
    one = said("ast", [[3, 1, 0, 0], [1, 3, 0, 4]], temperature=2.0)
    record = track_json("a.wav", [one], method="ast", seconds=0.5, top=2)
    CHECK.validate(json.loads(json.dumps(record)))
    mean = np.array([2, 2, 0, 2])
    sure = softmax(mean / 2)
    assert list(record["all_scores"]) == list(GENRES)
    assert list(record["all_scores"].values()) == pytest.approx(sure, abs=1e-6)
    assert [one["genre"] for one in record["predictions"]] == ["country", "metal"]
    assert record["predictions"][0]["raw_score"] == pytest.approx(softmax(mean)[0], abs=1e-6)
    assert record["predictions"][0]["confidence"] == record["all_scores"]["country"] == record["confidence"]
    assert record["primary_genre"] == "country"
    assert [(span["start"], span["end"], span["genre"]) for span in record["timeline"]] == [
        (0, 2, "country"),
        (2, 4, "rock"),
    ]
    assert record["timeline"][1]["confidence"] == pytest.approx(softmax(np.array([1, 3, 0, 4]) / 2)[3], abs=1e-6)
    assert (record["instruments_detected"], record["primary"], record["acousticness"]) == (None, None, None)
    assert record["components"]["ast"]["windows"] == 2


def test_members_are_calibrated_weighted_and_matched_by_name():
    cnn = said("cnn", [[0, 4, 0, 0]], temperature=4.0, weight=0.6, spans=((0.0, 6.0),))
    rules = said("rules", [[1, 0], [0, 2]], classes=("rock", "country"), weight=0.2)
    gone = said("hints", None, weight=0.2, problem="no instruments were heard")
    record = track_json("b.wav", [cnn, rules, gone], method="ensemble (60/20/20 weights)", seconds=1)
    CHECK.validate(json.loads(json.dumps(record)))
    rock, country = softmax([0.5, 1])
    expected = 0.75 * softmax([0, 1, 0, 0]) + 0.25 * np.array([country, 0, 0, rock])
    assert list(record["all_scores"].values()) == pytest.approx(expected, abs=1e-6)
    assert record["method"] == "ensemble (60/20/20 weights), without hints"
    parts = record["components"]
    assert [parts[name]["weight"] for name in ("cnn", "rules", "hints")] == pytest.approx([0.75, 0.25, 0])
    assert parts["hints"] == {
        "weight": 0.0,
        "temperature": 1.0,
        "windows": 0,
        "scores": None,
        "problem": "no instruments were heard",
    }
    assert parts["rules"]["scores"] == pytest.approx({"rock": rock, "country": country}, abs=1e-6)
    # The timeline has the windows of the member with most; the other's one window lies over both.
    assert [span["start"] for span in record["timeline"]] == [0, 2]
    first = 0.75 * softmax([0, 1, 0, 0]) + 0.25 * np.array([softmax([1, 0])[1], 0, 0, softmax([1, 0])[0]])
    assert record["timeline"][0]["confidence"] == pytest.approx(first.max(), abs=1e-6)


def test_labels_that_are_told_one_by_one_are_sigmoids_and_those_from_their_thresholds_on_are_tags():
    thresholds = {"country": 0.5, "metal": 0.9, "reggae": 0.1, "rock": float(one_by_one(np.float32([[2], [0]]))[0])}
    windows = [[1, 2, -1, 2], [0, 0, -3, 0]]
    one = said("ast", windows, temperature=5.0, thresholds=thresholds)
    record = track_json("a.wav", [one], method="ast", seconds=0, percent=True)
    CHECK.validate(json.loads(json.dumps(record)))
    sigmoids = 1 / (1 + np.exp(-np.mean(windows, axis=0)))
    assert list(record["all_scores"].values()) == pytest.approx(100 * sigmoids, abs=1e-5)
    # The surest first; metal is as sure as rock and does not reach its own threshold, rock reaches its to the bit.
    assert record["tags"] == ["rock", "country", "reggae"]
    assert answers_of(record) == ("rock", "country", "reggae")
    assert record["primary_genre"] == "metal"
    assert record["timeline"][1]["confidence"] == pytest.approx(50)
    nothing = track_json("a.wav", [said("ast", windows, thresholds=dict.fromkeys(GENRES, 1.0))], method="", seconds=0)
    assert (nothing["tags"], answers_of(nothing)) == ([], ())
    CHECK.validate(nothing)
    plain = track_json("a.wav", [said("ast", windows)], method="ast", seconds=0)
    assert ("tags" in plain, answers_of(plain)) == (False, ("metal",))
    assert answers_of(unusable_json("a.wav", "silent", method="ast", seconds=0)) == ()


def test_instruments_come_the_surest_first_and_percent_is_percent():
    heard = hear({"Piano": 0.4, "Violin, fiddle": 0.9, "Synthesizer": 0.2})
    record = track_json(
        "c.wav",
        [said("ast", [[1, 0, 0, 0]])],
        method="ast",
        seconds=0,
        instruments=heard,
        acousticness=0.7,
        percent=True,
    )
    CHECK.validate(json.loads(json.dumps(record)))
    assert record["unit"] == "percent"
    assert record["instruments_detected"] == [
        {"instrument": "violin", "confidence": 90},
        {"instrument": "piano", "confidence": 40},
    ]
    assert (record["primary"], record["has_acoustic"], record["has_electronic"]) == ("violin", True, False)
    assert record["acousticness"] == pytest.approx(70)
    assert sum(record["all_scores"].values()) == pytest.approx(100)
    silent = track_json("c.wav", [said("ast", [[1, 0, 0, 0]])], method="ast", seconds=0, instruments=hear({}))
    assert (silent["instruments_detected"], silent["primary"], silent["has_acoustic"]) == ([], None, False)
    CHECK.validate(silent)


def test_a_track_that_no_member_could_judge_says_why():
    record = track_json("d.wav", [said("ast", None, problem="it is silent")], method="ast", seconds=0)
    assert record == unusable_json("d.wav", "ast: it is silent", method="ast", seconds=0)
    CHECK.validate(record)
    assert (record["primary_genre"], record["all_scores"], record["timeline"]) == (None, {}, [])


@given(st.data(), st.booleans(), st.integers(1, 6))
def test_scores_sum_to_one_and_the_top_is_not_renormalised(data, percent, top):
    members = [
        said(
            f"member{number}",
            data.draw(st.lists(st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4), min_size=1, max_size=3)),
            temperature=data.draw(st.floats(0.05, 20)),
            weight=data.draw(st.floats(0, 1)),
        )
        for number in range(data.draw(st.integers(1, 3)))
    ]
    record = track_json("e.wav", members, method="x", seconds=0, top=top, percent=percent)
    CHECK.validate(record)
    scores = record["all_scores"]
    assert sum(scores.values()) == pytest.approx(100 if percent else 1)
    assert len(record["predictions"]) == min(top, 4)
    assert [one["confidence"] for one in record["predictions"]] == sorted(scores.values(), reverse=True)[:top]
    assert sum(part["weight"] for part in record["components"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "thawline.track/2"},
        {"primary_genre": None},
        {"confidence": 1.5},
        {"all_scores": {"rock": 50}},
        {"timeline": [{"start": 0, "end": 1, "genre": "rock"}]},
        {"instruments_detected": ["violin"]},
        {"acousticness": 7},
        {"problem": "it is silent"},
        {"more": 1},
    ],
)
def test_the_schema_refuses_what_is_no_record(change):
    record = track_json("a.wav", [said("ast", [[1, 0, 0, 0]])], method="ast", seconds=0)
    CHECK.validate(record)
    assert not CHECK.is_valid({**copy.deepcopy(record), **change})
