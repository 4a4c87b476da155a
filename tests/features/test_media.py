"""Tracks on shelves: a row for each window, each computed once."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from thawline.data.tracks.listed import ListedTrack
from thawline.data.tracks.track import read_track
from thawline.data.tracks.windows import Windowing, window_digest
from thawline.encoders.sound.hearing import Hearing
from thawline.features.facts import find_facts
from thawline.features.media import Tracks
from thawline.features.store.store import FeatureStore
from thawline.features.survey import survey
from thawline.features.wanted import Target, Wanted

RATE = 8_000


def hearing(most: int = 8, hop: float | None = None) -> Hearing:
    return Hearing(Windowing(RATE, 1.0, hop=hop, most=most), lambda wave: {"waveform": wave}, {"kind": "test"})


@pytest.fixture
def wanted(tmp_path: Path) -> Callable[..., Wanted]:
    """Windows' waveforms as they are, on one shelf whatever the number of windows."""
    shelf = FeatureStore(tmp_path / "store").shelf({"kind": "waveforms"}, "waveforms")

    def want(**given: int | float) -> Wanted:
        return Wanted((Target(shelf, cut=0),), lambda *_: lambda features: features, Tracks(hearing(**given)))

    return want


@pytest.fixture
def make_tracks(tmp_path: Path) -> Callable[..., list[ListedTrack]]:
    """Tracks of 1, 2, 3, … seconds, each with its own content, written long enough ago to be trusted."""

    def write(count: int) -> list[ListedTrack]:
        listed = []
        for number in range(count):
            path = tmp_path / f"{number}.wav"
            sound = np.random.default_rng(number).normal(0, 0.1, RATE * (number + 1))
            soundfile.write(path, sound, RATE, subtype="FLOAT")
            os.utime(path, (1_700_000_000, 1_700_000_000))
            listed.append(ListedTrack(path, path.name, "a", ("a",), None, None, None))
        return listed

    return write


def test_each_window_is_a_row_and_computed_once(
    tmp_path: Path, wanted: Callable[..., Wanted], make_tracks: Callable[..., list[ListedTrack]]
) -> None:
    store, tracks = FeatureStore(tmp_path / "store"), make_tracks(4)
    found = survey(tracks[:3], store, wanted())
    assert (found.computed, found.read, found.opened) == (1 + 2 + 3, 0, 3)
    again = survey(tracks, store, wanted())
    assert (again.computed, again.read, again.opened) == (4, 6, 1)
    rows = again.rows(["2.wav", "0.wav"])[:]["waveform"]
    _, windows = read_track(tracks[2].path, hearing().windowing)
    _, first = read_track(tracks[0].path, hearing().windowing)
    assert torch.equal(rows, torch.stack([each.samples for each in (*windows, *first)]))


def test_another_hop_computes_only_the_windows_that_are_new(
    tmp_path: Path, wanted: Callable[..., Wanted], make_tracks: Callable[..., list[ListedTrack]]
) -> None:
    store, tracks = FeatureStore(tmp_path / "store"), make_tracks(3)
    survey(tracks, store, wanted())
    found = survey(tracks, store, wanted(hop=0.5))
    # 1, 3 and 5 windows, of which 1, 2 and 3 begin at whole seconds.
    assert (found.computed, found.read) == (3, 6)
    _, windows = read_track(tracks[2].path, hearing(hop=0.5).windowing)
    assert torch.equal(found.rows(["2.wav"])[:]["waveform"], torch.stack([each.samples for each in windows]))


def test_what_stands_in_the_place_of_a_known_track_is_read_as_what_it_is(
    tmp_path: Path, make_tracks: Callable[..., list[ListedTrack]]
) -> None:
    first, second = make_tracks(2)
    medium = Tracks(hearing())
    known, _ = medium.read(second.path, None)
    shutil.copy(first.path, second.path)
    facts, entering = medium.read(second.path, known)
    assert facts == medium.read(first.path, None)[0]
    assert list(entering) == [window_digest(facts.digest, 0.0)]


def test_a_broken_track_has_a_problem_and_no_rows(
    tmp_path: Path, wanted: Callable[..., Wanted], make_tracks: Callable[..., list[ListedTrack]]
) -> None:
    tracks = make_tracks(2)
    tracks[0].path.write_text("words")
    found = survey(tracks, FeatureStore(tmp_path / "store"), wanted())
    assert found.facts["0.wav"].problem
    assert (found.computed, found.facts["1.wav"].problem) == (2, None)
    facts = find_facts(tracks, FeatureStore(tmp_path / "store"), Tracks())
    assert facts["0.wav"].problem == found.facts["0.wav"].problem
    assert replace(facts["1.wav"]) == found.facts["1.wav"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on this machine")
def test_windows_of_another_ffmpeg_are_computed_anew(
    tmp_path: Path,
    wanted: Callable[..., Wanted],
    make_tracks: Callable[..., list[ListedTrack]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wav, *_ = make_tracks(3)
    path = tmp_path / "2.wv"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", tmp_path / "2.wav", path], check=True)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    track = replace(wav, path=path, name="2.wv")
    store = FeatureStore(tmp_path / "store")
    first = survey([track], store, wanted())
    assert (first.computed, first.read) == (3, 0)
    assert first.facts["2.wv"].decoder.startswith("ffmpeg ")
    for module in ("thawline.features.media", "thawline.data.tracks.sound.files"):
        monkeypatch.setattr(f"{module}.version", lambda: "ffmpeg 99")
    # What the old one decoded is named by it, and stays.
    kept = survey([track], store, wanted())
    assert (kept.computed, kept.read, kept.opened) == (0, 3, 0)
    # More windows are not decoded by another ffmpeg under the old one's name.
    more = survey([track], store, wanted(hop=0.5))
    assert (more.computed, more.read) == (5, 0)
    assert more.facts["2.wv"] == replace(first.facts["2.wv"], decoder="ffmpeg 99")
    assert survey([track], store, wanted(hop=0.5)).opened == 0
