"""What a model of tracks says of instruments and of how acoustic a track is, beside its classes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rich.console import Console

from thawline.bundles.networks.audio import Said
from thawline.data.tracks.track import Window
from thawline.data.tracks.windows import Windowing
from thawline.tasks.genre.bundle.asking import themes_told
from thawline.tasks.genre.bundle.record import unusable_json
from thawline.tasks.genre.bundle.said import print_tracks
from thawline.tasks.genre.bundle.tracks import DecodedTrack, TrackBundle

WINDOWS = [Window(float(start), torch.zeros(4)) for start in range(2)]


class Planted:
    """Stands in for a network of which the logits of both windows are planted."""

    hearing = SimpleNamespace(windowing=Windowing(1000, 1.0))

    def __init__(self, logits, tags=None, acousticness=None):
        self.said = Said(
            np.array(logits, dtype=np.float32),
            None if tags is None else np.array(list(tags.values()), dtype=np.float32).T,
            None if acousticness is None else np.array(acousticness, dtype=np.float32),
        )
        self.tags = None if tags is None else tuple(tags)

    def ask(self, waveforms, told=None):
        assert waveforms.shape == (2, 4)
        return self.said


def record(labels, network, thresholds=None, **options):
    decision = {"labels": labels, "temperature": {"value": 2.0}, "method": "own", "thresholds": thresholds}
    bundle = TrackBundle(Path(), {}, decision, network)
    bundle.hear = lambda _: DecodedTrack(WINDOWS, 1.5, None, "")
    [said] = bundle.predict("a.wav", **options)
    return said


def test_the_networks_own_labels_are_instruments_at_the_sigmoid_of_the_mean():
    tags = {"Violin, fiddle": [2.0, 0.0], "Synthesizer": [-2.0, -2.0], "Speech": [9.0, 9.0]}
    said = record(["rock", "folk"], Planted([[1, 0], [0, 1]], tags))
    assert said["instruments_detected"] == [{"instrument": "violin", "confidence": pytest.approx(1 / (1 + np.exp(-1)))}]
    assert (said["primary"], said["has_acoustic"], said["has_electronic"]) == ("violin", True, False)
    assert said["acousticness"] is None
    assert [span["end"] for span in said["timeline"]] == [1.0, 1.5]


def test_classes_that_are_instruments_are_detected_from_their_threshold_on():
    logits = [[3, 2.8, 0], [3, 2.8, 0]]
    said = record(["violin", "synth", "flute"], Planted(logits))
    assert [one["instrument"] for one in said["instruments_detected"]] == ["violin", "synthesizer"]
    assert said["instruments_detected"][0]["confidence"] == pytest.approx(said["all_scores"]["violin"])
    # At its temperature of 2 the model is less sure, and only the first is over 0.3 by little enough to stay.
    calibrated = record(["violin", "synth", "flute"], Planted(logits), calibrated=True)
    assert calibrated["instruments_detected"][1]["confidence"] == pytest.approx(calibrated["all_scores"]["synth"])
    # Trained to be told one by one: each label's sigmoid, at the threshold that was fitted for it.
    one_by_one = record(["violin", "synth", "flute"], Planted(logits), {"violin": 0.96, "synth": 0.5, "flute": 0.6})
    assert one_by_one["instruments_detected"] == [
        {"instrument": "synthesizer", "confidence": pytest.approx(1 / (1 + np.exp(-2.8)))}
    ]
    assert (one_by_one["has_acoustic"], one_by_one["has_electronic"]) == (False, True)


def test_scores_are_at_the_temperature_and_raw_scores_are_not():
    said = record(["rock", "folk"], Planted([[3, 0], [1, 0]]))
    assert said["all_scores"]["rock"] == said["confidence"] == pytest.approx(1 / (1 + np.exp(-1)))
    assert said["predictions"][0]["raw_score"] == pytest.approx(1 / (1 + np.exp(-2)))
    plain = record(["rock", "folk"], Planted([[3, 0], [1, 0]]), calibrated=False)
    assert plain["all_scores"]["rock"] == plain["predictions"][0]["raw_score"] == pytest.approx(1 / (1 + np.exp(-2)))


def test_labels_that_reach_their_thresholds_stand_behind_the_most_probable_one_on_the_screen(capsys):
    said = record(["rock", "folk"], Planted([[3, 1], [1, 1]]), {"rock": 0.99, "folk": 0.5})
    assert said["tags"] == ["folk"]
    broken = unusable_json("b.wav", "silent", method="own", seconds=0)
    print_tracks([said, broken], Console(width=80), ["rock", "folk"], several=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["genre", "%", "tags", "track"],
        ["rock", "88.1", "folk", "a.wav"],
        ["-", "-", "-", "b.wav:", "silent"],
    ]
    assert lines[0].index("track") == lines[1].index("a.wav") == lines[2].index("b.wav")


def test_a_text_is_one_theme():
    assert themes_told({"a.mp3": "heartbreak"}, "a.mp3", 0) == ("heartbreak",)
    assert themes_told({Path("a.mp3"): ["war"]}, "a.mp3", 0) == ["war"]
    assert themes_told(None, "a.mp3", 0) == themes_told({}, "a.mp3", 0) == ()


def test_samples_in_memory_are_told_themes_by_their_number():
    assert themes_told({1: ["war"]}, "array of 66150 at 22050 Hz", 1) == ["war"]
    assert themes_told({1: ["war"]}, "array of 66150 at 22050 Hz", 0) == ()


def test_what_the_network_does_not_know_is_null():
    said = record(["rock", "folk"], Planted([[1, 0], [0, 1]], acousticness=[0.25, 0.5]), percent=True)
    assert (said["instruments_detected"], said["primary"], said["has_acoustic"]) == (None, None, None)
    assert said["acousticness"] == pytest.approx(37.5)
