"""Data sets of the library `datasets` in place of folders and tables, from the training to what is said of one."""

import csv
import json
from pathlib import Path

import datasets
import pytest

from thawline.samples.pairs import make_pairs

LOGISTIC = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "method=logistic", "method.c=[1]")
SAVED = "data.reader=datasets"


@pytest.fixture(scope="session")
def saved(sample, tmp_path_factory):
    """The sample's usable photos as a data set on disk; those in folders of one shoot lie in these no more."""
    place = tmp_path_factory.mktemp("sets") / "Saved"
    names = sorted(folder.name for folder in sample.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    features = datasets.Features({"image": datasets.Image(), "event": datasets.ClassLabel(names=names)})
    files = sorted(file for name in names for file in (sample / name).rglob("*.jpg"))
    rows = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    labels = [file.relative_to(sample).parts[0] for file in files]
    made = datasets.Dataset.from_dict({"image": rows, "event": labels}, features=features)
    made.save_to_disk(place)
    return place


def test_photos_of_a_data_set_are_those_of_the_folder_to_the_features(thawline, sample, saved):
    thawline("train", sample, *LOGISTIC)
    computed = thawline.metrics()["features"]["computed"]
    thawline("train", saved, SAVED, *LOGISTIC)
    features = thawline.metrics()["features"]
    assert computed > 100
    assert features["computed"] == 0  # what is of the same bytes has its features
    assert features["read"] > 100
    run = thawline.runs()[-1]
    config = (run / "config.yaml").read_text()
    assert "reader: datasets" in config
    assert f"path: {saved}" in config

    judged = thawline.metrics()["judged"]
    thawline("evaluate", run, "logger=none")
    assert thawline.metrics("evaluate")["judged"] == judged
    thawline("compare", run, "out=page.html", "thumbnails=true")
    assert "data:image/" in Path("page.html").read_text()
    thawline("export", run, "out=Model")
    thawline("evaluate", "Model", saved, SAVED, "logger=none")  # what it held out is left to judge by
    assert thawline.metrics("evaluate")["judged"]["samples"] == judged["samples"]
    assert "add data.reader=datasets" in thawline.refused("evaluate", "Model", saved, "logger=none")


def test_pairs_of_a_data_set_are_read_as_those_of_a_table(thawline, tmp_path):
    made = make_pairs(tmp_path / "Pairs", pictures=40)
    thawline("data", "check", made.file, "task=match")
    report = json.loads((thawline.runs("check")[-1] / "data_report.json").read_text())
    rows = list(csv.DictReader(made.file.open(encoding="utf-8")))
    images = [str(made.file.parent / row["image_path"]) for row in rows]
    columns = {"image": images, "caption": [row["text"] for row in rows], "label": [row["label"] for row in rows]}
    datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image()).save_to_disk(tmp_path / "Saved")
    thawline("data", "check", tmp_path / "Saved", "task=match", SAVED)
    of_set = json.loads((thawline.runs("check")[-1] / "data_report.json").read_text())
    same = ("pairs", "matches", "mismatches", "images", "distinct_images", "texts", "words", "groups")
    assert {name: of_set[name] for name in same} == {name: report[name] for name in same}
    assert "say where to write by out=" in thawline.refused("data", "split", tmp_path / "Saved", SAVED)


def test_a_name_on_the_hub_is_no_path(thawline, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    said = thawline.refused("train", "someone/photos", SAVED, *LOGISTIC)
    assert said.startswith("the data set someone/photos can't be fetched: there is nothing of that name on this disk")
