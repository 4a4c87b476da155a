"""Several labels a track from the command line: trained, judged again, compared, exported and asked."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

import thawline as library

RATE = 22050
PITCHES = {"violin": 1700.0, "drums": 140.0, "piano": 500.0}
SETS = ("violin", "drums|violin", "drums", "drums|piano", "piano")


def sound(labels, generator):
    """A second in which each label is a tone of its own, not quite in tune."""
    time = np.arange(int(1.0 * RATE)) / RATE
    tones = [np.sin(2 * np.pi * PITCHES[name] * generator.uniform(0.97, 1.03) * time) for name in labels.split("|")]
    return 0.25 * np.sum(tones, axis=0) + 0.003 * generator.normal(size=len(time))


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Thirty tracks by thirty artists, one with a label that is rare."""
    folder = tmp_path_factory.mktemp("tags")
    generator = np.random.default_rng(0)
    rows = []
    for i in range(30):
        labels = SETS[i % len(SETS)]
        soundfile.write(folder / f"{i:02}.wav", sound(labels, generator), RATE)
        rows.append((f"{i:02}.wav", f"{labels}|theremin" if i == 0 else labels, f"artist {i}"))
    with (folder / "instruments.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("audio_path", "label", "artist"), *rows])
    return folder / "instruments.csv"


def test_from_training_to_a_bundle(thawline, tracks):
    words = ("task=genre", "data.labels=several", "encoder=mfcc", "method=linear", "method.lr=0.05")
    common = (
        *words,
        "logger=none",
        "trainer.accelerator=cpu",
        "method.epochs=40",
        "data.holdout=0.4",
        "data.inner=0.4",
    )
    printed = thawline("train", tracks, *common)
    assert "'theremin' (1)" in printed
    assert "macro F1" in printed
    assert "thresholds drums" in printed
    [run] = thawline.runs()
    facts = thawline.metrics()
    assert facts["baseline"] == "most usual labels"
    assert facts["judged"]["classes"] == ["drums", "piano", "violin"]
    examined = facts["examined"]
    assert examined["mean_average_precision"]["value"] > 0.9
    assert examined["macro_f1"]["value"] > examined["base_rates"]["macro_f1"]
    assert examined["not_trained_on"] == {}
    chosen = json.loads((run / "folds" / "holdout" / "chosen.json").read_text())
    assert chosen["thresholds"] == examined["thresholds"]["holdout"]
    rows = pq.read_table(run / "predictions.parquet").to_pylist()
    real = {row["audio_path"]: row["label"].split("|") for row in csv.DictReader(tracks.open())}
    for row in rows:
        assert row["labels"] == sorted(set(real[row["path"]]) - {"theremin"})
        reached = [name for name in chosen["thresholds"] if row[f"probability:{name}"] >= chosen["thresholds"][name]]
        assert row["predictions"] == sorted(reached)

    thawline("evaluate", run, "logger=none")
    again = thawline.metrics("evaluate")
    assert again["judged"]["accuracy"] == facts["judged"]["accuracy"]
    assert again["examined"]["mean_average_precision"] == examined["mean_average_precision"]
    assert again["judged_baseline"] == facts["judged_baseline"]
    assert "most usual labels" in thawline("compare", run)
    assert "data.labels=several" in thawline.refused("ensemble", run)

    thawline("export", run, "out=bundle")
    decision = json.loads((thawline.directory / "bundle" / "decision.json").read_text())
    assert decision["thresholds"] == chosen["thresholds"]
    bundle = library.load(thawline.directory / "bundle")
    first = rows[0]
    said = bundle.probabilities(bundle.hear(tracks.parent / first["path"]).windows)
    assert said == pytest.approx([first[f"probability:{name}"] for name in bundle.labels], abs=1e-4)

    # A record has the labels that are said, by the scores of each by itself, and each counts.
    printed = thawline("predict", "bundle", tracks, "out=said.jsonl")
    records = [json.loads(text) for text in (thawline.directory / "said.jsonl").read_text().splitlines()]
    by_path = {Path(record["path"]).name: record for record in records}
    for row in rows:
        record = by_path[row["path"]]
        assert sorted(record["tags"]) == row["predictions"]
        assert record["all_scores"] == pytest.approx({n: row[f"probability:{n}"] for n in bundle.labels}, abs=1e-4)
    counts = Counter(tag for record in records for tag in record["tags"])
    assert sum(counts.values()) > len(records) == 30
    table = [text.split() for text in printed.splitlines()]
    assert all([name, str(counts[name])] in table for name in bundle.labels)
    without = sum(not record["tags"] for record in records)
    assert f"{without} of 30 tracks got no label; a track counts for each it got." in printed
    card = (thawline.directory / "bundle" / "README.md").read_text()
    assert "3 tags, each by itself" in card
    assert 'said.get("tags")' in card

    # Judged by the bundle, the tracks that it was not trained on have the run's own figures.
    assert "thresholds drums" in thawline("evaluate", "bundle", tracks, "logger=none")
    by_bundle = thawline.metrics("evaluate")
    for name in ("kind", "method", "encoder", "baseline"):
        assert by_bundle[name] == facts[name]
    for name in ("overlap", "micro_f1", "macro_f1", "per_class"):
        assert by_bundle["judged"][name] == facts["judged"][name]
    assert by_bundle["examined"]["thresholds"] == {"bundle": chosen["thresholds"]}
    newest = thawline.runs("evaluate")[-1] / "predictions.parquet"
    for one, other in zip(pq.read_table(newest).to_pylist(), rows, strict=True):
        assert (one["path"], one["labels"], one["predictions"]) == (
            other["path"],
            other["labels"],
            other["predictions"],
        )


def test_what_cannot_tell_several_labels_is_refused_in_one_sentence(thawline, tracks):
    words = ("train", tracks, "task=genre", "data.labels=several", "encoder=mfcc", "logger=none")
    assert "of several take logistic, linear" in thawline.refused(*words, "method=trees")
    assert "augmentation.mixup mixes single" in thawline.refused(*words, "method=linear", "augmentation=mixup")
    assert "data.labels=many is not known; use one, several or scores" in thawline.refused(
        "train", tracks, "task=genre", "data.labels=many", "logger=none"
    )
