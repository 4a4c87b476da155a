"""`thawline evaluate` of tracks among which are copies, a little higher and faster, of what was trained on."""

import csv
import json
import shutil

import pytest
import soundfile
import soxr

from thawline.samples.genre import make_genre

WORDS = ("task=genre", "trainer=cpu", "logger=none", "encoder=descriptors", "method=logistic", "method.c=[1]")
CLASSES = ("country", "metal")


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two classes of three tracks each, by an artist each."""
    root = tmp_path_factory.mktemp("shifted") / "Songs"
    make_genre(root, artists=3, tracks_per_artist=1, seconds=10, seed=0)
    with (root / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in CLASSES]
    with (root / "two.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root / "two.csv", rows


@pytest.fixture(scope="module")
def fresh(music, tmp_path_factory):
    """Of each class a new track, one that was trained on, 3 % faster, and another as it is; nobody is named."""
    root = tmp_path_factory.mktemp("fresh")
    make_genre(root / "made", artists=2, tracks_per_artist=1, seconds=10, seed=9)
    for label in CLASSES:
        (root / "New" / label).mkdir(parents=True)
        shutil.copy(next((root / "made" / "audio" / label).iterdir()), root / "New" / label / "new.flac")
        known, other = [music[0].parent / row["audio_path"] for row in music[1] if row["label"] == label][:2]
        sound, rate = soundfile.read(known, dtype="float32")
        soundfile.write(root / "New" / label / "faster.flac", soxr.resample(sound, rate * 1.03, rate), rate)
        shutil.copy(other, root / "New" / label / "same.flac")
    return root / "New"


def left_out(thawline):
    report = json.loads((thawline.runs("evaluate")[-1] / "data_report.json").read_text())
    return {one["name"] for one in report["left_out"]}, report["warnings"]


@pytest.mark.long
def test_copies_in_another_pitch_of_what_was_trained_on_are_left_out(thawline, music, fresh, tmp_path, monkeypatch):
    thawline("train", music[0], *WORDS, "data.reference=null", "cv=3")
    run = thawline.runs()[-1]
    thawline("export", run, "out=bundle")
    copies = {f"{label}/{name}.flac" for label in CLASSES for name in ("faster", "same")}
    for judged in (run, "bundle"):
        thawline("evaluate", judged, fresh, "logger=none")
        assert thawline.metrics("evaluate")["judged"]["samples"] == 2
        names, warnings = left_out(thawline)
        assert names == copies
        assert not any("pitch" in warning for warning in warnings)
    # A store that never read what was trained on knows copies by their fingerprints alone, and the report says so.
    monkeypatch.setenv("THAWLINE_STORE", str(tmp_path / "another store"))
    for judged in (run, "bundle"):
        said = thawline("evaluate", judged, fresh, "logger=none")
        names, warnings = left_out(thawline)
        assert names == {f"{label}/same.flac" for label in CLASSES}
        sentence = (
            "Of 4 of the 6 tracks that were trained on the feature store knows no pitches, since it never read them: "
            "copies of these in another pitch or speed may be among those that are judged."
        )
        assert sentence in warnings
        assert sentence in " ".join(said.split())
