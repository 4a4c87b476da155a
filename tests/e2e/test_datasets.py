"""Data sets of the library `datasets` in place of folders and tables, from the training to what is said of one."""

import csv
import json
import os
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
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


@pytest.mark.long
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

    unpacked = sorted(Path(os.environ["THAWLINE_STORE"], "datasets").iterdir())
    assert " stored " in thawline("plan", saved, SAVED, *LOGISTIC)
    assert sorted(Path(os.environ["THAWLINE_STORE"], "datasets").iterdir()) == unpacked
    swept = thawline.refused("train", saved, SAVED, *LOGISTIC, "-m", "data.dataset.splits=[train],[test]")
    assert swept.startswith("'data.dataset.splits' can't be swept")

    judged = thawline.metrics()["judged"]
    thawline("evaluate", run, "logger=none")
    assert thawline.metrics("evaluate")["judged"] == judged
    thawline("compare", run, "out=page.html", "thumbnails=true")
    assert "data:image/" in Path("page.html").read_text()
    thawline("export", run, "out=Model")
    thawline("evaluate", "Model", saved, SAVED, "logger=none")  # what it held out is left to judge by
    assert thawline.metrics("evaluate")["judged"]["samples"] == judged["samples"]
    assert "add data.reader=datasets" in thawline.refused("evaluate", "Model", saved, "logger=none")


def test_a_data_set_is_written_back_with_what_was_said_of_each_row(thawline, saved, tuned, tmp_path):
    bundle = tuned[1]
    thawline("predict", bundle, saved, SAVED, "out=Said", "calibrated=true")
    before, said = datasets.load_from_disk(saved), datasets.load_from_disk("Said")
    assert said.column_names[:2] == ["image", "event"]
    assert said.features["image"] == before.features["image"]
    assert said.features["event"] == before.features["event"]
    assert raw(said) == raw(before)  # the bytes themselves
    by_path = tmp_path / "by path"
    by_path.mkdir()
    for number, content in enumerate(raw(before)):
        (by_path / f"{number:06d}.jpg").write_bytes(content)
    thawline("predict", bundle, by_path, "out=lines.jsonl", "calibrated=true")
    lines = [json.loads(line) for line in Path("lines.jsonl").read_text().splitlines()]
    assert said["prediction_label"][:] == [line["label"] for line in lines]
    assert said["prediction_problem"][:] == [line["problem"] for line in lines]
    assert {problem for problem in said["prediction_problem"] if problem} != set()  # of the broken ones among them
    names = sorted(lines[0]["probabilities"])
    first = {name.partition(":")[2]: said[name][0] for name in said.column_names if ":" in name}
    assert first == {name: lines[0]["probabilities"][name] for name in names}

    again = thawline.refused("predict", bundle, "Said", SAVED, "out=Twice")
    assert again.startswith("Said has the column 'prediction_label' of an earlier prediction")
    assert "wrote; add data.reader=datasets" in thawline.refused("predict", bundle, saved)
    assert "takes one data set, and 2 are named" in thawline.refused("predict", bundle, saved, "x", SAVED)
    assert "is saved as a folder" in thawline.refused("predict", bundle, saved, SAVED, "out=said.jsonl")
    assert "is the data set that is judged" in thawline.refused("predict", bundle, saved, SAVED, f"out={saved}")
    assert "is there and is no data set" in thawline.refused("predict", bundle, saved, SAVED, f"out={by_path}")
    assert not Path("Twice").exists()


def test_splits_are_judged_and_kept_whatever_they_are_called(thawline, saved, tuned):
    some = datasets.load_from_disk(saved).select(range(4))
    datasets.DatasetDict({"extra": some, "test": some.select([3, 1])}).save_to_disk("Both")
    thawline("predict", tuned[1], "Both", SAVED, "out=Said")
    said = datasets.load_from_disk("Said")
    assert {name: len(split) for name, split in said.items()} == {"extra": 4, "test": 2}
    labels = said["extra"]["prediction_label"][:]
    assert said["test"]["prediction_label"][:] == [labels[3], labels[1]]
    refused = thawline.refused("predict", tuned[1], "Both", SAVED, "out=said.parquet")
    assert "holds one split, and Both has extra, test; choose one by data.dataset.splits=" in refused
    thawline("predict", tuned[1], "Both", SAVED, "data.dataset.splits=[test]", "out=said.parquet")
    of_file = datasets.Dataset.from_parquet("said.parquet", cache_dir="cache")
    assert of_file["prediction_label"][:] == [labels[3], labels[1]]
    assert raw(of_file) == raw(said["test"])

    absent = [{"bytes": None, "path": "gone.jpg"}, {"bytes": raw(some)[0], "path": None}]
    pq.write_table(pa.table({"image": absent, "label": ["x", "y"]}), "absent.parquet")
    refused = thawline.refused("predict", tuned[1], "absent.parquet", SAVED, "out=Absent")
    assert refused.startswith("1 rows of absent.parquet name files that are not there, such as ")
    thawline("predict", tuned[1], "absent.parquet", SAVED, "out=absent-said.parquet")
    rows = pq.read_table("absent-said.parquet").to_pylist()
    assert rows[0]["image"] == absent[0]
    assert (rows[0]["prediction_label"], rows[1]["prediction_label"]) == (None, labels[0])


def raw(split):
    """The bytes of each image."""
    return [row["image"]["bytes"] for row in split.cast_column("image", datasets.Image(decode=False))]


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
