"""`thawline train TRACKS task=genre`: tracks to a judged run, a bundle, and back to raw files."""

import csv
import json

import numpy as np
import pytest
import torch
from tests.encoders.hearers import save
from tests.serving.conftest import files, running
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from thawline import load
from thawline.data.tracks.track import read_track
from thawline.data.tracks.windows import Windowing
from thawline.runs.predictions import read_predictions
from thawline.samples.genre import make_genre
from thawline.serving.source import FixedSource
from thawline.tasks.bundle.serving import Served

GENRE = ("task=genre", "trainer=cpu", "logger=none")
TINY_CNN = ("encoder.model_args={channels: 4, blocks: 2, seed: 0, rate: 22050, mels: 32, fft: 1024, hop: 512}",)
TREES = ("encoder=descriptors", "method=trees", "method.depth=[2]", "method.rounds=10", "method.folds=2")


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Six genres by three artists each, two short tracks an artist."""
    directory = tmp_path_factory.mktemp("music") / "Songs (2024), été #1"
    make_genre(directory, artists=3, tracks_per_artist=2, seconds=2, seed=0)
    return directory / "tracks.csv"


@pytest.fixture(autouse=True, scope="module")
def one_store(tmp_path_factory):
    """Features are computed once for the module."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def shared_store(one_store, own_store, monkeypatch):
    monkeypatch.setenv("THAWLINE_STORE", str(one_store))


def artists_of(music):
    with music.open(newline="", encoding="utf-8") as file:
        return {row["audio_path"]: row["artist"] for row in csv.DictReader(file)}


def test_trees_on_descriptors_are_judged_against_mfcc_and_svm_on_the_same_folds(thawline, music):
    said = thawline("train", music, *GENRE, *TREES, "cv=3", "refit=false")
    assert "MFCC and SVM" in said
    run = thawline.runs("train")[-1]
    facts = json.loads((run / "metrics.json").read_text())
    assert facts["baseline"] == "MFCC and SVM"
    assert facts["features"] == {"computed": 36, "read": 0}
    assert facts["judged"]["samples"] == facts["judged_baseline"]["samples"] == 36
    # An artist's tracks are one group, and no fold judges one whose others were trained on.
    predictions = read_predictions(run / "predictions.parquet")
    artists = artists_of(music)
    folds = {}
    for path, fold in zip(predictions.paths, predictions.folds, strict=True):
        folds.setdefault(artists[path], set()).add(fold)
    assert len(folds) == 18
    assert all(len(each) == 1 for each in folds.values())
    again = thawline("train", music, *GENRE, *TREES, "cv=3", "refit=false")
    assert "0 computed, 36 read" in again
    assert (thawline.runs("train")[-1] / "predictions.parquet").read_bytes() == (
        run / "predictions.parquet"
    ).read_bytes()


def test_a_mel_cnn_from_scratch_goes_from_windows_to_a_bundle_that_says_the_same_of_files(thawline, music, tmp_path):
    short = ("encoder.seconds=1", "method.epochs=2", "augmentation=specaugment")
    thawline("train", music, *GENRE, *TINY_CNN, *short, "data.reference=null")
    run = thawline.runs("train")[-1]
    facts = json.loads((run / "metrics.json").read_text())
    assert facts["thaw"] == "all"
    assert facts["baseline"] == "majority class"
    assert facts["features"]["computed"] == 72, "two windows of a second for each track of two"
    said = thawline("export", run, f"out={tmp_path / 'bundle'}")
    refused = thawline.refused("export", run, "format=onnx")
    assert refused == "format=onnx is for models of photos; leave it out for tracks"
    assert "raw tracks" in said
    bundle = load(tmp_path / "bundle", device="cpu")
    assert bundle.check() < 1e-5
    judged = read_predictions(run / "predictions.parquet")
    for path, wanted, record in zip(
        judged.paths,
        judged.probabilities,
        bundle.predict((music.parent / path for path in judged.paths), calibrated=False),
        strict=True,
    ):
        assert record["path"].endswith(path)
        scores = [record["all_scores"][name] for name in judged.classes]
        assert np.allclose(scores, wanted, atol=1e-5)
        assert [span["start"] for span in record["timeline"]] == [0.0, 1.0]
    check_service(bundle, [music.parent / path for path in judged.paths[:3]])


def check_service(bundle, tracks):
    """Over HTTP it says what `predict` does, and names what is no sound."""
    with running(FixedSource(Served(bundle, "Tracks"), [])) as client:
        sent = [*files(tracks), ("files", ("words.wav", b"words"))]
        *said, none = client.post("/predict", files=sent).json()["results"]
    assert (none["label"], none["details"]) == (None, {})
    assert none["problem"].startswith("not audio")
    for path, one, record in zip(tracks, said, bundle.predict(tracks), strict=True):
        assert (one["name"], one["label"], one["problem"]) == (path.name, record["primary_genre"], None)
        assert one["probabilities"] == pytest.approx(record["all_scores"], abs=1e-5)
        assert one["score"] == pytest.approx(record["confidence"], abs=1e-5)
        assert one["details"]["path"] == path.name
        assert [span["start"] for span in one["details"]["timeline"]] == [0.0, 1.0]


def test_predict_writes_a_record_a_track_and_names_what_is_none(thawline, music, tmp_path):
    thawline("train", music, *GENRE, *TREES, "data.reference=null")
    thawline("export", thawline.runs("train")[-1], f"out={tmp_path / 'bundle'}")
    (tmp_path / "not sound.wav").write_text("words")
    out = tmp_path / "said.jsonl"
    thawline("predict", tmp_path / "bundle", music.parent / "audio", tmp_path / "not sound.wav", f"out={out}", "top=2")
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(records) == 37
    assert all(abs(sum(record["all_scores"].values()) - 1) < 1e-6 for record in records[:-1])
    assert all(len(record["predictions"]) == 2 for record in records[:-1])
    assert records[-1]["primary_genre"] is None
    assert records[-1]["problem"]
    golden = tmp_path / "golden.yaml"
    first = records[0]
    golden.write_text(f"- {{file: '{first['path']}', genre: {first['primary_genre']}}}\n", encoding="utf-8")
    assert "1" in thawline("evaluate", tmp_path / "bundle", f"golden={golden}")
    other = next(name for name in first["all_scores"] if name != first["primary_genre"])
    golden.write_text(f"- {{file: '{first['path']}', genre: {other}}}\n", encoding="utf-8")
    thawline("evaluate", tmp_path / "bundle", f"golden={golden}", status=1)


@pytest.mark.parametrize(("variant", "family"), [("ast", "ast"), ("wav2vec2", "wav2vec2"), ("hubert", "hubert")])
def test_a_fine_tune_with_the_networks_own_head_is_an_ordinary_model(thawline, music, tmp_path, variant, family):
    conf = {"ast": "ast", "wav2vec2": "wav2vec2_base", "hubert": "hubert_base"}[family]
    network = save(tmp_path / "network", variant)
    length = ("encoder.seconds=0.6", "encoder.windows=2")
    given = (f"encoder={conf}", f"encoder.name={network}", "encoder.revision=null", *length)
    tune = ("method=own", "thaw=1", "method.epochs=2", "data.classes=[country,metal]", "data.reference=null")
    thawline("train", music, *GENRE, *given, *tune)
    run = thawline.runs("train")[-1]
    thawline("export", run, f"out={tmp_path / 'bundle'}")
    model = AutoModelForAudioClassification.from_pretrained(tmp_path / "bundle").eval()
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path / "bundle")
    assert type(model).__name__.endswith("Classification")
    assert [model.config.id2label[i] for i in range(2)] == ["country", "metal"]
    judged = read_predictions(run / "predictions.parquet")
    for path, wanted in zip(judged.paths, judged.probabilities, strict=True):
        _, windows = read_track(music.parent / path, Windowing(16_000, 0.6, most=2))
        inputs = [extractor(w.samples.numpy(), sampling_rate=16_000, return_tensors="pt") for w in windows]
        with torch.no_grad():
            logits = torch.cat([model(**each).logits for each in inputs])
        assert np.allclose(torch.softmax(logits.mean(dim=0), dim=-1), wanted, atol=1e-4)


def test_an_artist_that_was_trained_on_is_not_judged_again(thawline, music, tmp_path):
    thawline("train", music, *GENRE, *TREES, "refit=true", "data.reference=null")
    said = thawline.refused("evaluate", thawline.runs("train")[-1], music, "logger=none")
    assert "was trained on" in said
    # Other recordings by the same artists, under the same names.
    make_genre(tmp_path / "more", artists=3, tracks_per_artist=3, seconds=2, seed=0)
    with (tmp_path / "more" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        named = {row["artist"] for row in csv.DictReader(file)}
    assert named & set(artists_of(music).values())
    assert "was trained on" in thawline.refused(
        "evaluate", thawline.runs("train")[-1], tmp_path / "more" / "tracks.csv", "logger=none"
    )


def test_on_other_tracks_a_run_is_compared_with_the_majority(thawline, music, tmp_path):
    make_genre(tmp_path / "other", artists=2, tracks_per_artist=1, seconds=2, seed=7)
    thawline("train", music, *GENRE, *TREES)
    thawline("evaluate", thawline.runs("train")[-1], tmp_path / "other" / "tracks.csv", "logger=none")
    facts = thawline.metrics("evaluate")
    assert facts["baseline"] == "majority class"
    # Bands' names are drawn from one list, and those of a name that was trained on are left out.
    with (thawline.runs("train")[-1] / "split.csv").open(newline="", encoding="utf-8") as file:
        trained_on = {row["artist"] for row in csv.DictReader(file) if not row["fold"]}
    others = artists_of(tmp_path / "other" / "tracks.csv").values()
    assert facts["judged"]["samples"] == sum(artist not in trained_on for artist in others) >= 10
    thawline("evaluate", thawline.runs("train")[-1], "logger=none")
    assert thawline.metrics("evaluate")["judged"] == thawline.metrics("train")["judged"]
    assert thawline.metrics("evaluate")["judged_baseline"] == thawline.metrics("train")["judged_baseline"]


def test_an_ensemble_of_two_encoders_is_tested_against_its_best_member(thawline, music):
    thawline("train", music, *GENRE, *TREES, "cv=3", "refit=false")
    trees = thawline.runs("train")[-1]
    thawline("train", music, *GENRE, "encoder=mfcc", "method=logistic", "method.c=[1]", "cv=3", "refit=false")
    logistic = thawline.runs("train")[-1]
    said = thawline("ensemble", trees, logistic)
    facts = json.loads((thawline.runs("ensemble")[-1] / "metrics.json").read_text())
    assert abs(sum(member["weight"] for member in facts["components"]) - 1) < 1e-6
    assert facts["baseline"] in said


def test_what_is_for_photos_is_refused_for_tracks_and_the_other_way_round(thawline, music, sample):
    assert "varies photos" in thawline.refused("train", music, *GENRE, "augmentation=light")
    assert "hears nothing" in thawline.refused("train", music, *GENRE, "encoder=tiny_clip", "method=linear")
    assert "task=genre" in thawline.refused("train", sample, "encoder=descriptors", "method=trees", "logger=none")
    assert "hears sound" in thawline.refused("train", sample, "encoder=mel_cnn", "method=linear", "logger=none")
    assert "encoder=descriptors" in thawline.refused("train", music, *GENRE, "encoder=mfcc", "method=rules")
    assert "transformer" in thawline.refused("train", music, *GENRE, "encoder=mfcc", "method=layers")
    for untrained in ("thaw=head", "method=logistic"):
        assert "no pretrained weights" in thawline.refused("train", music, *GENRE, untrained)
