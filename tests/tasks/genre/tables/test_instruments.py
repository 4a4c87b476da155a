"""Label scores to instruments."""

import pytest

from thawline.tasks.genre.tables.instruments import (
    DetectedInstruments,
    audioset_labels,
    hear,
    instrument_of,
    instruments,
    labels_of,
)
from thawline.tasks.genre.tables.reading import comparable, table


def test_there_are_audiosets_527_labels_in_its_order():
    labels = audioset_labels()
    assert len(labels) == len(set(labels)) == 527
    places = {0: "Speech", 137: "Music", 143: "Acoustic guitar", 191: "Violin, fiddle", 526: "Field recording"}
    assert {place: labels[place] for place in places} == places


def test_every_label_of_the_table_is_audiosets_and_stands_for_one_instrument():
    labels = [label for name in instruments() for label in labels_of(name)]
    assert len(labels) == len(set(labels))
    assert set(labels) <= set(audioset_labels())
    assert all(instrument_of(label) == name for name in instruments() for label in labels_of(name))


def test_every_instrument_label_of_audioset_is_in_the_table():
    labels = audioset_labels()
    music = set(labels[labels.index("Musical instrument") : labels.index("Pop music")])
    mapped = {label for name in instruments() for label in labels_of(name)}
    general = set(table("instruments.yaml")["general"])
    assert not mapped & general
    assert mapped | general == music | {"Cowbell"}  # which AudioSet has among the animals


def test_no_name_stands_for_two_instruments():
    entries = table("instruments.yaml")["instruments"]
    names = {
        name: {comparable(each) for each in (name, *e["labels"], *e.get("also", ()))} for name, e in entries.items()
    }
    assert sum(len(some) for some in names.values()) == len(set().union(*names.values()))
    assert {entry.get("sound") for entry in entries.values()} == {"acoustic", "electronic", None}


@pytest.mark.parametrize(
    ("label", "instrument"),
    [
        ("Violin, fiddle", "violin"),
        ("Violin_or_fiddle", "violin"),
        ("fiddle", "violin"),
        ("Hi_hat", "hi-hat"),
        ("Hammond organ", "electronic organ"),
        ("distorted guitar", "electric guitar"),
        ("Musical instrument", None),
        ("Speech", None),
    ],
)
def test_labels_and_other_names_stand_for_instruments(label, instrument):
    assert instrument_of(label) == instrument


def test_what_reaches_its_threshold_is_heard():
    scores = {"Speech": 0.9, "Violin, fiddle": 0.3, "Banjo": 0.29, "Synthesizer": 0.6, "Drum": 0.4, "Drum kit": 0.5}
    assert hear(scores) == DetectedInstruments(
        {"synthesizer": 0.6, "drums": 0.5, "violin": 0.3}, "synthesizer", True, True
    )
    assert list(hear(scores).instruments) == ["synthesizer", "drums", "violin"]
    stricter = {"Synthesizer": 0.7, "Drum kit": 0.55, "Drum": 0.4, "Banjo": 0.2}
    assert hear(scores, stricter) == DetectedInstruments(
        {"drums": 0.4, "violin": 0.3, "banjo": 0.29}, "drums", True, False
    )


def test_where_nothing_is_heard_there_is_no_primary():
    assert hear({"Violin, fiddle": 0.1, "Music": 1.0}) == DetectedInstruments({}, None, False, False)
    # Which kind of guitar it is, the label does not say.
    assert hear({"Guitar": 0.5}) == DetectedInstruments({"guitar": 0.5}, "guitar", False, False)
